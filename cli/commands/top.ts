// `callboard top`: the busiest parts of a broker, live; or once, for programs.

import { emitKeypressEvents } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { BrokerError, type Client } from '../../client/index.ts'
import type { Context } from '../context.ts'
import { interruption } from '../interrupt.ts'
import { note, print, printJson } from '../output.ts'
import { rowsOf, sorted, type SortKey } from '../top/rows.ts'
import { takeSample, type TopSample } from '../top/sample.ts'
import { formatTop, keyHelp, keysOf } from '../top/screen.ts'
import { withClient } from '../with-client.ts'

interface TopOptions {
  readonly sort: SortKey
  readonly interval: number
  readonly once?: true
  readonly limit?: number
}

/** The other screen of the terminal, without cursor; and back. */
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_BELOW = '\u001b[J'
const CLEAR_LINE_END = '\u001b[K'

/** Until q or Ctrl-C, exit code 0; it waits for a broker that restarts. Rates are those between two looks, so the first comes after `interval`. */
export async function top(context: Context, options: TopOptions): Promise<void> {
  const isLive = options.once !== true
  const isScreen = isLive && process.stdout.isTTY && !context.isJson
  const work = (client: Client): Promise<void> => (isScreen ? onScreen(client, options) : inLines(context, client, options))
  await withClient(context, work, isLive ? { retry: { maxRetries: Infinity } } : {})
}

async function inLines(context: Context, client: Client, { sort, interval, once, limit }: TopOptions): Promise<void> {
  const signal = interruption()
  let before = await takeSample(client)
  for (;;) {
    await delay(interval, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    const now = await look(client, once !== true)
    if (now === undefined) {
      note('the broker is gone; waiting for it to come back')
      continue
    }
    const rows = sorted(rowsOf(before, now), sort).slice(0, limit)
    await (context.isJson ? printJson({ intervalMs: Math.round(now.atMs - before.atMs), sort, rows }) : print(formatTop(now, rows, sort)))
    if (once) return
    before = now
  }
}

async function onScreen(client: Client, options: TopOptions): Promise<void> {
  const signal = interruption()
  const keyboard = new Keyboard(options.sort)
  const { stdout } = process
  let before = await takeSample(client)
  let now = before
  let isGone = false
  stdout.write(ENTER)
  const draw = (): void => {
    const rows = sorted(rowsOf(before, now), keyboard.sort).slice(0, options.limit)
    const text = `${formatTop(now, rows, keyboard.sort, stdout.rows - 1)}\n${isGone ? 'the broker is gone; waiting for it to come back' : keyHelp()}`
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
      const sample = await look(client, true)
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
async function look(client: Client, isPatient: boolean): Promise<TopSample | undefined> {
  if (isPatient && !client.isConnected) return undefined
  try {
    return await takeSample(client)
  } catch (error) {
    if (isPatient && error instanceof BrokerError && error.retryable && !client.isConnected) return undefined
    throw error
  }
}

// Keys arrive one by one only while the terminal is raw; then Ctrl-C is a key too.
class Keyboard {
  sort: SortKey
  onSort = (): void => {}
  readonly #quit = new AbortController()
  readonly #take = (_: string | undefined, key: { name?: string; ctrl?: boolean }): void => {
    if (key.name === 'q' || (key.ctrl === true && key.name === 'c')) return this.#quit.abort()
    const sort = keysOf.get(key.name ?? '')
    if (sort === undefined) return
    this.sort = sort
    this.onSort()
  }

  constructor(sort: SortKey) {
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
