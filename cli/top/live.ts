// Shows a table that is measured again and again: drawn on a terminal, line by line elsewhere, or once. Knows no row.

import { emitKeypressEvents } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { BrokerError, type Client } from '../../client/index.ts'
import type { Context } from '../context.ts'
import { interruption } from '../interrupt.ts'
import { note, print, printJson } from '../output.ts'
import { paint } from '../table.ts'
import { withClient } from '../with-client.ts'

export interface LiveOptions<Key extends string> {
  readonly sort: Key
  readonly interval: number
  readonly once?: true
  readonly limit?: number
}

/** What is measured, and how it is shown. Rates are those between two looks. */
interface LiveTable<Sample extends { readonly atMs: number }, Row, Key extends string> {
  /** Keys of the keyboard, and the figure that each sorts by. */
  readonly keys: ReadonlyMap<string, Key>
  readonly take: (client: Client) => Promise<Sample>
  rows(before: Sample, now: Sample, sort: Key): readonly Row[]
  /** A heading, then a line for each row, at most `maxLines` in all. */
  format(now: Sample, rows: readonly Row[], sort: Key, maxLines?: number): string
}

/** The other screen of the terminal, without cursor; and back. */
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_BELOW = '\u001b[J'
const CLEAR_LINE_END = '\u001b[K'
const GONE = 'the broker is gone; waiting for it to come back'

/** Until q or Ctrl-C, exit code 0; it waits for a broker that restarts. Rates are those between two looks, so the first comes after `interval`. */
export async function showLive<Sample extends { readonly atMs: number }, Row, Key extends string>(context: Context, options: LiveOptions<Key>, table: LiveTable<Sample, Row, Key>): Promise<void> {
  const isLive = options.once !== true
  const isScreen = isLive && process.stdout.isTTY && !context.isJson
  const work = (client: Client): Promise<void> => (isScreen ? onScreen(client, options, table) : inLines(context, client, options, table))
  await withClient(context, work, isLive ? { retry: { maxRetries: Infinity } } : {})
}

/** What the keys do. */
function keyHelp(keys: ReadonlyMap<string, string>): string {
  return paint('dim', [...keys].map(([key, sort]) => `${key} ${sort}`).join('  ') + '  q quit')
}

async function inLines<Sample extends { readonly atMs: number }, Row, Key extends string>(context: Context, client: Client, { sort, interval, once, limit }: LiveOptions<Key>, table: LiveTable<Sample, Row, Key>): Promise<void> {
  const signal = interruption()
  let before = await table.take(client)
  for (;;) {
    await delay(interval, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    const now = await look(client, table, once !== true)
    if (now === undefined) {
      note(GONE)
      continue
    }
    const rows = table.rows(before, now, sort).slice(0, limit)
    await (context.isJson ? printJson({ intervalMs: Math.round(now.atMs - before.atMs), sort, rows }) : print(table.format(now, rows, sort)))
    if (once) return
    before = now
  }
}

async function onScreen<Sample extends { readonly atMs: number }, Row, Key extends string>(client: Client, options: LiveOptions<Key>, table: LiveTable<Sample, Row, Key>): Promise<void> {
  const signal = interruption()
  const keyboard = new Keyboard(table.keys, options.sort)
  const { stdout } = process
  let before = await table.take(client)
  let now = before
  let isGone = false
  stdout.write(ENTER)
  const draw = (): void => {
    const rows = table.rows(before, now, keyboard.sort).slice(0, options.limit)
    const text = `${table.format(now, rows, keyboard.sort, stdout.rows - 1)}\n${isGone ? GONE : keyHelp(table.keys)}`
    stdout.write(HOME + text.split('\n').map(line => line + CLEAR_LINE_END).join('\n') + CLEAR_BELOW)
  }
  const quit = AbortSignal.any([signal, keyboard.quit])
  keyboard.onSort = draw
  stdout.on('resize', draw)
  try {
    draw()
    while (!quit.aborted) {
      await delay(options.interval, undefined, { signal: quit }).catch(() => {})
      if (quit.aborted) break
      const sample = await look(client, table, true)
      isGone = sample === undefined
      if (sample !== undefined) [before, now] = [now, sample]
      draw()
    }
  } finally {
    stdout.off('resize', draw)
    keyboard.close()
    stdout.write(LEAVE)
  }
}

/** undefined where a broker that restarts is waited for. */
async function look<Sample>(client: Client, { take }: { readonly take: (client: Client) => Promise<Sample> }, isPatient: boolean): Promise<Sample | undefined> {
  if (isPatient && !client.isConnected) return undefined
  try {
    return await take(client)
  } catch (error) {
    if (isPatient && error instanceof BrokerError && error.retryable && !client.isConnected) return undefined
    throw error
  }
}

// Keys arrive one by one only while the terminal is raw; then Ctrl-C is a key too.
class Keyboard<Key extends string> {
  sort: Key
  onSort = (): void => {}
  readonly #keys: ReadonlyMap<string, Key>
  readonly #quit = new AbortController()
  readonly #take = (_: string | undefined, key: { name?: string; ctrl?: boolean }): void => {
    if (key.name === 'q' || (key.ctrl === true && key.name === 'c')) return this.#quit.abort()
    const sort = this.#keys.get(key.name ?? '')
    if (sort === undefined) return
    this.sort = sort
    this.onSort()
  }

  constructor(keys: ReadonlyMap<string, Key>, sort: Key) {
    this.#keys = keys
    this.sort = sort
    const { stdin } = process
    if (!stdin.isTTY) return
    emitKeypressEvents(stdin)
    stdin.setRawMode(true)
    stdin.on('keypress', this.#take)
    stdin.resume()
  }

  get quit(): AbortSignal {
    return this.#quit.signal
  }

  close(): void {
    const { stdin } = process
    if (!stdin.isTTY) return
    stdin.off('keypress', this.#take)
    stdin.setRawMode(false)
    stdin.pause()
  }
}
