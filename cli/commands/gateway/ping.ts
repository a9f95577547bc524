// `callboard gateway ping`: round trips to the broker, or through one of its channels.

import { setTimeout as delay } from 'node:timers/promises'
import { BrokerError, type ChannelInfo, type Client } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { channelNotFound } from '../../destination.ts'
import { Exit } from '../../failure.ts'
import { formatDuration, plural } from '../../format.ts'
import { interruption } from '../../interrupt.ts'
import { note, print, printJson } from '../../output.ts'
import { paint } from '../../table.ts'
import { withClient } from '../../with-client.ts'

interface PingOptions {
  readonly channel?: string
  readonly count: number
  readonly interval: number
  readonly timeout: number
}

/** Sends something and resolves when it came back; rejects with `request.timeout` when it does not. */
type RoundTrip = () => Promise<void>

/** Exit code 1 when not one of them came back. */
export async function ping(context: Context, options: PingOptions): Promise<void> {
  await withClient(context, async client => {
    const channel = options.channel === undefined ? undefined : await channelOf(client, options.channel)
    const through = channel === undefined ? undefined : await throughChannel(client, channel.name, options.timeout)
    const target = channel !== undefined && through !== undefined ? `channel ${channel.name}` : `broker ${client.welcome.broker}`
    if (channel !== undefined && !context.isJson) {
      await print(`channel ${channel.name}: ${channel.mode}, ${plural(channel.subscribers, 'subscription')}, ${plural(channel.pending, 'message')} pending`)
      if (through === undefined) note(`you may not publish to ${channel.name}; the round trips are those to the broker`)
    }
    const times = await measure(context, options, through ?? throughBroker(client, options.timeout))
    const answered = times.filter(ms => ms !== undefined).toSorted((a, b) => a - b)
    if (answered.length === 0) process.exitCode = Exit.failed
    const figures = answered.length === 0 ? undefined : { minMs: answered[0]!, medianMs: answered[answered.length >> 1]!, maxMs: answered.at(-1)! }
    if (context.isJson) return printJson({ target, ...(channel !== undefined && { channel }), sent: times.length, answered: answered.length, ...figures, roundTripsMs: times.map(ms => ms ?? null) })
    const spread = figures === undefined ? '' : `: least ${formatDuration(figures.minMs)}, median ${formatDuration(figures.medianMs)}, most ${formatDuration(figures.maxMs)}`
    await print(`${answered.length} of ${plural(times.length, 'round trip')} to ${target}${spread}`)
  })
}

/** ms of each; undefined where nothing came back in time. Ctrl-C ends it early. */
async function measure(context: Context, { count, interval }: PingOptions, roundTrip: RoundTrip): Promise<(number | undefined)[]> {
  const signal = interruption()
  const times: (number | undefined)[] = []
  while (times.length < count && !signal.aborted) {
    if (times.length > 0) await delay(interval, undefined, { signal }).catch(() => {})
    if (signal.aborted) break
    const ms = await timed(roundTrip)
    times.push(ms)
    if (!context.isJson) await print(`${String(times.length).padStart(String(count).length)}  ${ms === undefined ? paint('red', 'no answer') : formatDuration(ms)}`)
  }
  return times
}

async function timed(roundTrip: RoundTrip): Promise<number | undefined> {
  const sentMs = performance.now()
  try {
    await roundTrip()
    return performance.now() - sentMs
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'request.timeout') return undefined
    throw error
  }
}

function throughBroker(client: Client, timeoutMs: number): RoundTrip {
  return async () => void (await client.call('ping', {}, { timeoutMs }))
}

/**
 * On a subject of this client's own below the channel's: the message comes back to it as to any other subscriber.
 * undefined: it may not publish there, which permissions and the channel's direction decide.
 */
async function throughChannel(client: Client, channel: string, timeoutMs: number): Promise<RoundTrip | undefined> {
  const subject = `${channel}._ping.${client.id}`
  let awaited = 0
  let arrived = (): void => {}
  // One that came after its time is not the answer to the next.
  const subscription = client.subscribe(subject, { onMessage: message => void (message.value === awaited && arrived()) })
  try {
    await subscription.ready
    await client.publish(subject, awaited, { receipt: true })
  } catch (error) {
    if (error instanceof BrokerError && (error.code === 'channel.direction' || error.code === 'permission.denied')) return undefined
    throw error
  }
  return async () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    awaited++
    arrived = resolve
    const timer = setTimeout(() => reject(new BrokerError('request.timeout', { subject, limitMs: timeoutMs })), timeoutMs)
    try {
      await client.publish(subject, awaited)
      await promise
    } finally {
      clearTimeout(timer)
    }
  }
}

async function channelOf(client: Client, name: string): Promise<ChannelInfo> {
  const channels = await client.channels.list()
  const channel = channels.find(each => each.name === name)
  if (channel === undefined) throw channelNotFound(name, channels.map(each => each.name))
  return channel
}
