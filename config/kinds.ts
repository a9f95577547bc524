// The kinds of values that keys have, as zod schemas. Each says in words what it allows: errors, the key list and the
// JSON Schema all take it from here. Knows no key.

import { isIP } from 'node:net'
import { isAbsolute } from 'node:path'
import { Cron } from 'croner'
import validRange from 'semver/ranges/valid.js'
import { z } from 'zod'
import { parsePattern, parseSubject } from '../broker/ground/subject.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { parseServerAddress } from '../broker/ground/nats-address.ts'
import { readNkey } from '../broker/ground/nkey.ts'
import { SCHEDULE_MODE } from '../broker/ground/schedule.ts'
import { INSTANCE_PROVIDER, REGISTERED_NAME } from '../broker/ground/registration.ts'
import { DURATION_PATTERN, formatDuration, parseDuration } from './duration.ts'
import { formatSize, parseSize, SIZE_PATTERN } from './size.ts'

/** What a kind is called, and the values that it allows. */
export interface Kind {
  readonly type: string
  readonly allowed: string
}

/** The kind of every schema made here. */
export const kinds = z.registry<Kind>()

function kind<S extends z.ZodType>(type: string, allowed: string, make: (says: { error: string }) => S): S {
  const schema = make({ error: allowed })
  kinds.add(schema, { type, allowed })
  return schema
}

export const flag = kind('true or false', 'true or false', says => z.boolean(says))

/** A whole number of `min`..`max`. */
export function count(min: number, max: number) {
  return kind('number', `a whole number from ${grouped(min)} to ${grouped(max)}`, says => z.int(says).min(min, says).max(max, says))
}

/** A power of two of `min`..`max`: rings of that size find their slot by a mask. */
export function powerOfTwo(min: number, max: number) {
  return kind('number', `a power of two from ${grouped(min)} to ${grouped(max)}`, says => {
    // One complaint is enough: past the range the power of two is not looked at.
    const range = { ...says, abort: true }
    return z.int(says).min(min, range).max(max, range).refine(value => Number.isInteger(Math.log2(value)), says)
  })
}

/** A number of `min`..`max`, with or without decimals. */
export function factor(min: number, max: number) {
  return kind('number', `a number from ${min} to ${max}`, says => z.number(says).min(min, says).max(max, says))
}

/** Milliseconds, written `5s` or as a bare number. */
export function duration(minMs: number, maxMs: number) {
  const allowed = `a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, such as "5s", or a number of milliseconds`
  return kind('duration', allowed, says => quantity(parseDuration, DURATION_PATTERN, minMs, maxMs, says))
}

/** Bytes, written `16kb` or as a bare number. */
export function size(minBytes: number, maxBytes: number) {
  const allowed = `a size from ${formatSize(minBytes)} to ${formatSize(maxBytes)}, such as "16kb", or a number of bytes`
  return kind('size', allowed, says => quantity(parseSize, SIZE_PATTERN, minBytes, maxBytes, says))
}

function quantity(parse: (input: unknown) => number | undefined, pattern: RegExp, min: number, max: number, says: { error: string }) {
  return z.union([z.int(says).min(min, says).max(max, says), z.string(says).regex(pattern, says)], says).transform((input, context) => {
    const value = parse(input)
    if (value !== undefined && value >= min && value <= max) return value
    context.addIssue({ code: 'custom', message: says.error })
    return z.NEVER
  })
}

/** One of a few words, or a list of at most `max` durations. */
export function wordOrDurations<const W extends readonly [string, ...string[]]>(words: W, max: number, minMs: number, maxMs: number) {
  const item = duration(minMs, maxMs)
  return kind('word or list', `one of ${words.join(', ')}, or a list of 1 to ${grouped(max)} durations`, says => z.union([z.enum(words, says), z.array(item, says).min(1, says).max(max, says)], says))
}

/** One of a few words, or a list of what is granted of the network: `connect:443`, `listen:8080`, `udp`. */
export function wordOrGrants<const W extends readonly [string, ...string[]]>(words: W) {
  const allowed = `one of ${words.join(', ')}, or a list of connect:PORT, listen:PORT and udp`
  return kind('word or list', allowed, says => z.union([z.enum(words, says), z.array(z.string(says).regex(/^(?:udp|(?:connect|listen):(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5]))$/, says)).min(1, says).max(64, says)], says))
}

/** One of a few words. */
export function choice<const W extends readonly [string, ...string[]]>(words: W) {
  return kind('word', words.length === 1 ? `"${words[0]}"` : `one of ${words.join(', ')}`, says => z.enum(words, says))
}

// A zero byte ends a text for the operating system: what follows would be lost silently.
const NO_ZERO_BYTE = /^[^\0]*$/

export const text = kind('text', 'a text (numbers and true/false in quotes)', says => z.string(says).regex(NO_ZERO_BYTE, says))

export const nonEmptyText = kind('text', 'a text that is not empty', says => z.string(says).regex(/^[^\0]+$/, says))

/** Relative paths belong to the directory of the config file, `~/` to the user's home. */
export const path = kind('path', 'a path; relative ones start at the directory of this file, ~/ is the home', says => z.string(says).regex(/^[^\0]+$/, says))

/** For what must not depend on where the file lies. */
export const absolutePath = kind('path', 'an absolute path, or one that begins with ~/', says =>
  z.string(says).regex(NO_ZERO_BYTE, says).refine(path => isAbsolute(path) || path.startsWith('~/'), says),
)

/** Where a server listens. What only looks like an address (`127.1`) is refused: systems disagree on what it means. */
export const listenHost = kind('address', 'an IP address, or a name of this machine', says => z.string(says).refine(isHost, says))

/** Names as the header Host has them, without a port. */
export const hostName = kind('name', 'the name of a host or an IP address, without port', says => z.string(says).refine(isHost, says))

/** As browsers send it. */
export const origin = kind('address', 'an origin such as https://example.org, without path', says => z.string(says).refine(isOrigin, says))

export const name = kind('name', '1 to 128 of A-Z a-z 0-9 _ -', says => z.string(says).regex(/^[A-Za-z0-9_-]{1,128}$/, says))

/** It may become a part of a path, never a way out of it. */
export const versionText = kind('text', '1 to 64 of A-Z a-z 0-9 . _ + -, beginning with a letter or digit', says => z.string(says).regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/, says))

/** As `ps` shows programs: dots are usual in them. */
export const processName = kind('name', '1 to 128 of A-Z a-z 0-9 _ - .', says => z.string(says).regex(/^[A-Za-z0-9_.-]{1,128}$/, says))

export const processReference = kind('name or path', 'the name of a process, or its absolute path', says => z.string(says).regex(/^(?:[A-Za-z0-9_.-]{1,128}|~?\/[^\0]+)$/, says))

export const serverName = kind('name', '1 to 128 of A-Z a-z 0-9 _ - .', says => z.string(says).regex(/^[A-Za-z0-9_.-]{1,128}$/, says))

/** A key that is cut short or mistyped fails its check sum. */
export const publicNkey = kind('nkey', 'the public nkey of a user (U…) or an account (A…), 56 characters', says => z.string(says).regex(/^[UA][A-Z2-7]{55}$/, { ...says, abort: true }).refine(text => readNkey(text) !== undefined, says))

export const variableName = kind('name', 'a name of letters, digits and _, not beginning with a digit', says => z.string(says).regex(/^[A-Za-z_][A-Za-z0-9_]*$/, says))

/** Shorter ones can be guessed; the characters are those that stand in a header or a shell without quotes. */
export const secret = kind('text', '16 to 512 printable characters without spaces', says => z.string(says).regex(/^[!-~]{16,512}$/, says))

/** Without user and password: what is secret is sent as a header, which is never shown. */
export const webAddress = kind('address', 'an http:// or https:// address without user, password, query and fragment', says => z.string(says).refine(isWebAddress, says))

export const probeAddress = kind('address', 'an http:// or https:// address without user, password and fragment, or :port/path at 127.0.0.1', says => z.string(says).refine(isProbeAddress, says))

export const natsAddress = kind('address', 'the address of a NATS server, nats://host:port or tls://host:port, without user and password', says => z.string(says).superRefine(checkedBy(parseServerAddress, says)))

/** Without a password: what is secret stands in a file of its own. */
export const redisAddress = kind('address', 'the address of a Redis server, redis://host:port or rediss://host:port, a database behind it, without user and password', says => z.string(says).refine(isRedisAddress, says))

export const hostAndPort = kind('address', 'host:port', says => z.string(says).refine(isHostAndPort, says))

/** RFC 9110 5.1: a token. */
export const headerName = kind('name', 'the name of a header', says => z.string(says).regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, says))

/** RFC 9110 5.5: visible characters with blanks between. */
export const headerValue = kind('text', 'printable ASCII characters', says => z.string(says).regex(/^[\t -~]*$/, says))

export const subject = kind('subject', 'tokens divided by dots, without wildcards and white space, at most 255 bytes', says => z.string(says).superRefine(checkedBy(parseSubject, says)))

export const pattern = kind('pattern', 'a subject, in which * stands for one token and > at the end for the rest', says => z.string(says).superRefine(checkedBy(parsePattern, says)))

/** As programs register it. */
export const registeredName = kind('name', '1 to 128 of A-Z a-z 0-9 _ - . without an empty part between dots', says => z.string(says).max(REGISTERED_NAME.max, says).regex(REGISTERED_NAME.pattern, says))

export const capabilityName = kind('name', '1 to 128 characters', says => z.string(says).regex(/^[^\0]{1,128}$/, says))

export const capabilityProvider = kind('word', 'node:<type>, host, cloud, agent:<name> or service:<name>', says => z.string(says).regex(INSTANCE_PROVIDER, says))

export const versionRange = kind('range', 'a range of semantic versions, such as ^2.1', says => z.string(says).refine(text => validRange(text) !== null, says))

/** Numbers are texts too: `user: 1000` is a number in YAML. */
export const unixName = kind('name', 'the name of a user or group of this machine, or its number', says => z.preprocess(value => (typeof value === 'number' ? String(value) : value), z.string(says).regex(/^(?:[A-Za-z_][A-Za-z0-9_.-]{0,63}\$?|\d{1,10})$/, says)))

/** With seconds or without, and a time that comes. */
export const schedule = kind('schedule', 'five or six fields of cron (minute hour day month weekday, seconds in front of them), or @hourly, @daily, @weekly, @monthly, @yearly', says => z.string(says).superRefine(checkedBy(parseSchedule, says)))

/** As the system knows it; an offset such as +02:00 is none, as it knows no summer. */
export const timeZone = kind('time zone', 'the name of a time zone, such as Europe/Berlin', says => z.string(says).regex(/^[A-Za-z]/, says).refine(isTimeZone, says))

/** Values of one kind in order, at least `min` of them. */
export function list<S extends z.ZodType>(item: S, min = 0) {
  return kind('list', min === 0 ? 'a list' : `a list of at least ${min}`, says => z.array(item, says).min(min, says))
}

/** Values of one kind under names of the user's choice. */
export function mapOf<N extends z.ZodType<string, string>, S extends z.ZodType>(names: N, values: S) {
  return kind('map', 'a map of names', says => z.record(names, values, says))
}

function isWebAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return (protocol === 'http:' || protocol === 'https:') && `${username}${password}${search}${hash}` === ''
}

function isProbeAddress(text: string): boolean {
  const url = text.startsWith(':') ? `http://127.0.0.1${text}` : text
  if (!URL.canParse(url) || /\s/.test(url)) return false
  const { protocol, username, password, hash, port } = new URL(url)
  return (protocol === 'http:' || protocol === 'https:') && `${username}${password}${hash}` === '' && (!text.startsWith(':') || port !== '' || /^:80(?:\/|$)/.test(text))
}

function isRedisAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, hostname, pathname, search, hash } = new URL(text)
  return (protocol === 'redis:' || protocol === 'rediss:') && hostname !== '' && /^(?:\/\d{0,5})?$/.test(pathname) && `${username}${password}${search}${hash}` === ''
}

function isHostAndPort(text: string): boolean {
  const [, host = '', port] = /^(\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(text) ?? []
  return isHost(host.replace(/^\[|\]$/g, '')) && Number(port) >= 1 && Number(port) <= 65_535
}

function checkedBy(parse: (text: string) => unknown, says: { error: string }) {
  return (text: string, context: z.RefinementCtx): void => {
    try {
      parse(text)
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      context.addIssue({ code: 'custom', message: says.error, params: { reason: error.details['problem'] } })
    }
  }
}

function parseSchedule(text: string): void {
  const refused = (problem: string, cause?: unknown): BrokerError => new BrokerError('agent.schedule', { agent: '', problem }, { cause })
  // croner would take a date for a schedule of one time.
  if (!/^(?:@[a-z]+|[^\s:]+(?: +[^\s:]+){4,5})$/i.test(text)) throw refused('it has neither five nor six fields')
  let next: Date | null
  try {
    next = new Cron(text, { mode: SCHEDULE_MODE }).nextRun()
  } catch (error) {
    throw refused(error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error), error)
  }
  if (next === null) throw refused('that time never comes')
}

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

function isHost(text: string): boolean {
  return isIP(text) !== 0 || (/^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/.test(text) && !/(?:^|\.)(?:0x[0-9a-f]*|[0-9]+)$/i.test(text))
}

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text
}

// toLocaleString would do, but its first call costs 12 ms, on the way of every start.
function grouped(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ',')
}
