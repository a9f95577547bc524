// Finds the configuration file and loads it. Loads no schema library while there is no file: that costs some 100 ms of
// the start.

import { type Stats } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { extname, join, resolve } from 'node:path'
import { defaultSettings, type Settings } from '../broker/ground/settings.ts'
import { ConfigError } from './error.ts'
import type { ConfigFormat, LoadedConfig } from './parse.ts'

/** Names that are looked for in the home. */
export const CONFIG_NAMES: readonly string[] = ['config.json', 'config.jsonc', 'config.yaml', 'config.yml']

/** Largest file. Ten thousand principals need less; more is another file given by mistake. bytes */
const MAX_FILE_BYTES = 2 * 1024 * 1024

const OTHERS_READ = 0o044
const MAX_PORT = 65_535

/**
 * The configuration of the broker with that home: `file` when given (`--config`), else the one in the home, else the
 * defaults, with the home as directory. `file` is its path, if there is one.
 * @throws ConfigError also when the home has two
 */
export async function loadConfigOf({ home, file }: { home: string; file?: string | undefined }): Promise<LoadedConfig & { readonly file?: string }> {
  const path = file ?? (await findConfig(home))
  const loaded = path === undefined ? { settings: defaultSettings, warnings: [], directory: resolve(home) } : await loadConfig(path)
  return { ...loaded, ...(path !== undefined && { file: path }), settings: withEnvironment(loaded.settings) }
}

/** What the environment says goes before the file: several brokers of one host can share a configuration, each with a port of its own. */
function withEnvironment(settings: Settings): Settings {
  const [gateway, nats] = [portOf('CALLBOARD_GATEWAY_PORT'), portOf('CALLBOARD_NATS_PORT')]
  return {
    ...settings,
    ...(gateway === undefined ? {} : { gateway: { ...settings.gateway, port: gateway, isPortRequired: true } }),
    ...(nats === undefined ? {} : { nats: { ...settings.nats, port: nats, isPortRequired: true } }),
  }
}

function portOf(variable: string): number | undefined {
  const text = process.env[variable]
  if (text === undefined || text === '') return undefined
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > MAX_PORT) throw failure(`$${variable}`, `is "${text}"; allowed: a port from 0 to ${MAX_PORT}, 0 = any that is free`)
  return port
}

/**
 * The configuration in one file: JSON with comments or YAML, as its name ends.
 * @throws ConfigError with every problem, each with its place
 */
export async function loadConfig(path: string): Promise<LoadedConfig> {
  const format = formatOf(path)
  const { text, mode } = await readText(path)
  const { parseConfig } = await import('./parse.ts')
  const loaded = await parseConfig(text, { path, format })
  const { principals, telemetry } = loaded.settings
  const holdsSecret = principals.some(principal => principal.token !== undefined) || Object.keys(telemetry.headers).length > 0
  if (!holdsSecret || (mode & OTHERS_READ) === 0) return loaded
  return { ...loaded, warnings: [...loaded.warnings, `${path}: others may read the secrets in this file; close it with: chmod 600 ${path}`] }
}

/** Absolute path of the configuration in a home, undefined when there is none. */
async function findConfig(home: string): Promise<string | undefined> {
  const paths = CONFIG_NAMES.map(name => resolve(join(home, name)))
  const found: string[] = []
  for (const path of paths) if ((await stat(path).catch(() => undefined)) !== undefined) found.push(path)
  if (found.length > 1) throw failure(resolve(home), `holds ${found.map(path => path.slice(resolve(home).length + 1)).join(' and ')}; keep one of them`)
  return found[0]
}

function formatOf(path: string): ConfigFormat {
  const extension = extname(path).toLowerCase()
  if (extension === '.json' || extension === '.jsonc') return 'json'
  if (extension === '.yaml' || extension === '.yml') return 'yaml'
  throw failure(path, 'the name of a configuration ends in .json, .jsonc, .yaml or .yml')
}

async function readText(path: string): Promise<{ text: string; mode: number }> {
  let status: Stats
  let bytes: Buffer
  try {
    // Looked at first: to open a pipe would wait for whoever writes to it.
    status = await stat(path)
    if (!status.isFile()) throw failure(path, status.isDirectory() ? 'is a directory; name the file in it' : 'is not a regular file')
    if (status.size > MAX_FILE_BYTES) throw failure(path, `has ${status.size.toLocaleString('en-US')} bytes, at most ${MAX_FILE_BYTES.toLocaleString('en-US')} are read; is this the configuration?`)
    bytes = await readFile(path)
  } catch (error) {
    throw error instanceof ConfigError ? error : failure(path, problemOf(error), error)
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), mode: status.mode }
  } catch (error) {
    throw failure(path, 'is not UTF-8 text', error)
  }
}

function problemOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES') return 'cannot be read; check its mode and owner'
  return `cannot be read: ${error instanceof Error ? error.message : String(error)}`
}

function failure(file: string, text: string, cause?: unknown): ConfigError {
  return new ConfigError([{ file, at: undefined, key: '', text }], { cause })
}
