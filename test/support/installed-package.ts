// The package as a user gets it: packed from the checkout, installed in an empty directory, run on the host's Node.

import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join, sep } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { temporaryDirectory, type Teardown } from './temporary-directory.ts'

const checkout = join(import.meta.dirname, '../..')
const exec = promisify(execFile)

export interface InstalledPackage {
  /** Where it is installed: an empty project with this one dependency. */
  readonly directory: string
  /** Paths in the tarball, sorted. */
  readonly packed: readonly string[]
  /** A `CALLBOARD_HOME` of its own for one test, and commands that run with it. */
  readonly newHome: (t: Teardown) => InstalledHome
}

export interface InstalledHome {
  readonly home: string
  /** Runs a command to its end and gives its stdout; throws with all it wrote when it fails. */
  readonly run: (command: string, ...words: string[]) => Promise<string>
  /** Starts a command and resolves with it after the first line of stdout that `isReady` accepts. */
  readonly start: (isReady: (line: string) => boolean, command: string, ...words: string[]) => Promise<ChildProcessWithoutNullStreams>
}

export async function installPackage(t: Teardown): Promise<InstalledPackage> {
  const root = temporaryDirectory(t)
  const directory = join(root, 'project')
  mkdirSync(directory)
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ name: 'project', private: true, type: 'module' }))
  const options = { cwd: directory, env: hostEnvironment(), maxBuffer: 2 ** 26 }
  const report = (await exec('npm', ['pack', '--json', '--foreground-scripts=false', '--pack-destination', root], { ...options, cwd: checkout })).stdout
  const [tarball] = JSON.parse(report) as [{ filename: string; files: { path: string }[] }]
  await exec('npm', ['install', '--no-audit', '--no-fund', join(root, tarball.filename)], options)
  return { directory, packed: tarball.files.map(file => file.path).toSorted(), newHome: test => useHome(test, options) }
}

function useHome(t: Teardown, options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly maxBuffer: number }): InstalledHome {
  const home = temporaryDirectory(t)
  const withHome = { ...options, env: { ...options.env, CALLBOARD_HOME: home, NO_COLOR: '1' } }
  return {
    home,
    run: async (command, ...words) => (await exec(command, words, withHome)).stdout,
    async start(isReady, command, ...words) {
      // A group of its own: npx runs the command as a grandchild, which must not outlive a test that failed.
      const child = spawn(command, words, { ...withHome, detached: true })
      t.teardown(() => child.exitCode === null && child.signalCode === null && process.kill(-child.pid!, 'SIGKILL'))
      let stderr = ''
      child.stderr.setEncoding('utf8').on('data', text => (stderr += text))
      const ended = once(child, 'exit').then(([code]) => {
        throw new Error(`${command} ${words.join(' ')} ended with ${code} before it was ready: ${stderr}`)
      })
      const ready = (async () => {
        for await (const line of createInterface({ input: child.stdout })) if (isReady(line)) return
      })()
      await Promise.race([ready, ended])
      ended.catch(() => {})
      child.stdout.resume()
      return child
    },
  }
}

/** The environment without what npm and npx added for the checkout, so that its binaries and its Node are not found. */
function hostEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !/^(npm_package_|npm_lifecycle_|npm_config_local_prefix|npm_command|INIT_CWD|NODE_OPTIONS)/i.test(name))
  const path = (process.env['PATH'] ?? '').split(delimiter).filter(entry => !entry.includes(`node_modules${sep}`))
  return { ...Object.fromEntries(entries), PATH: path.join(delimiter) }
}
