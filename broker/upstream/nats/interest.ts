// What this broker wants from the servers: patterns on P, queue groups on Q. Survives connections; knows no messages.
//
//   interested('a.*')          first of it: SUB a.* 7 on P       last of it left: UNSUB 7, forgotten when the server has done it
//   interested('jobs', 'g')    first member: SUB jobs g 8 on Q   what leaves on P waits until the server has done it

import { matchesPattern, parsePattern } from '../../ground/subject.ts'
import type { NatsClient } from './nats-client.ts'
import type { SharedSubjects } from './shared-subjects.ts'

/** One subscription on P or Q. */
export interface Wanted {
  readonly sid: number
  readonly pattern: string
  readonly tokens: readonly string[]
  readonly group: string | undefined
  /** It is the broker's own: `$CB.…`, or where answers come. */
  readonly isOwn: boolean
}

interface Source {
  count: number
  wanted: Wanted | undefined
}

/** Subjects whose judgement is remembered. */
const MAX_JUDGED = 65_536
/** A subscription that has ended still explains copies that came just before. ms */
const REMEMBERED_MS = 1000

export class Interest {
  readonly #subjects: SharedSubjects
  readonly #nowMs: () => number
  readonly #own: readonly string[]
  readonly #sources = new Map<string, Source>()
  readonly #bySid = new Map<number, Wanted>()
  /** Of P, that ended lately, and when. */
  readonly #ended = new Map<Wanted, number>()
  readonly #matches = new Map<string, number>()
  #p: NatsClient | undefined
  #q: NatsClient | undefined
  #lastSid = 0
  /** SUBs on Q that the server has not confirmed. */
  #unconfirmed = 0
  #waiting: (() => void)[] = []

  /** `own`: patterns on P that are there as long as the link is. */
  constructor(subjects: SharedSubjects, own: readonly string[], nowMs: () => number) {
    this.#subjects = subjects
    this.#own = own
    this.#nowMs = nowMs
  }

  /** How many patterns and groups are wanted from the servers. */
  get counts(): { readonly patterns: number; readonly groups: number } {
    let patterns = 0
    let groups = 0
    for (const { wanted } of this.#sources.values()) {
      if (wanted === undefined) continue
      if (wanted.group === undefined) patterns++
      else groups++
    }
    return { patterns, groups }
  }

  add(pattern: string, group: string | undefined): void {
    const key = keyOf(pattern, group)
    const source = this.#sources.get(key)
    if (source !== undefined) {
      source.count++
      return
    }
    const added: Source = { count: 1, wanted: undefined }
    this.#sources.set(key, added)
    if (this.#p !== undefined) this.#subscribe(added, pattern, group)
  }

  remove(pattern: string, group: string | undefined): void {
    const key = keyOf(pattern, group)
    const source = this.#sources.get(key)
    if (source === undefined || --source.count > 0) return
    this.#sources.delete(key)
    const { wanted } = source
    if (wanted !== undefined) this.#unsubscribe(wanted)
  }

  /** True when Q has that group, confirmed or not: messages that leave wait for the confirmation. */
  hasGroup(pattern: string, group: string): boolean {
    return this.#sources.get(keyOf(pattern, group))?.wanted !== undefined
  }

  /** New connections: everything that is wanted is asked for. */
  attach(p: NatsClient, q: NatsClient): void {
    this.detach()
    this.#p = p
    this.#q = q
    for (const pattern of this.#own) this.#send(p, this.#note(pattern, undefined, true))
    for (const [key, source] of this.#sources) {
      const [pattern, group] = key.split(' ') as [string, string | undefined]
      this.#subscribe(source, pattern, group)
    }
  }

  /** The connections are gone. */
  detach(): void {
    this.#p = this.#q = undefined
    this.#bySid.clear()
    this.#ended.clear()
    this.#matches.clear()
    for (const source of this.#sources.values()) source.wanted = undefined
    this.#unconfirmed = 0
    this.#waiting = []
  }

  wanted(sid: number): Wanted | undefined {
    return this.#bySid.get(sid)
  }

  /** How many subscriptions of P match a subject, those that ended lately included. */
  matches(subject: string, tokens: readonly string[]): number {
    const known = this.#matches.get(subject)
    if (known !== undefined) return known
    this.#forgetEnded()
    let count = 0
    for (const { tokens: pattern, group, isOwn } of this.#bySid.values()) if (group === undefined && !isOwn && matchesPattern(pattern, tokens)) count++
    for (const { tokens: pattern } of this.#ended.keys()) if (matchesPattern(pattern, tokens)) count++
    if (this.#matches.size >= MAX_JUDGED) this.#matches.clear()
    if (this.#ended.size === 0) this.#matches.set(subject, count)
    return count
  }

  /** Calls back when every group that was asked for until now is served; at once when all are. */
  whenConfirmed(callback: () => void): void {
    if (this.#unconfirmed === 0) callback()
    else this.#waiting.push(callback)
  }

  #subscribe(source: Source, pattern: string, group: string | undefined): void {
    const tokens = parsePattern(pattern)
    if (!this.#subjects.hasPattern(tokens) || (group !== undefined && this.#subjects.isLocalGroup(tokens))) return
    source.wanted = this.#note(pattern, group, false)
    if (group === undefined) return this.#send(this.#p!, source.wanted)
    const q = this.#q!
    this.#send(q, source.wanted)
    this.#unconfirmed++
    q.ping(() => this.#confirmed(q))
  }

  #confirmed(q: NatsClient): void {
    if (q !== this.#q || --this.#unconfirmed > 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const callback of waiting) callback()
  }

  #unsubscribe(wanted: Wanted): void {
    const { sid, group } = wanted
    const client = group === undefined ? this.#p : this.#q
    if (client === undefined) return
    client.line(`UNSUB ${sid}`)
    // Until the server says that it has done it, messages come.
    client.ping(() => {
      if (!this.#bySid.delete(sid) || group !== undefined) return
      this.#matches.clear()
      this.#ended.set(wanted, this.#nowMs() + REMEMBERED_MS)
    })
  }

  #note(pattern: string, group: string | undefined, isOwn: boolean): Wanted {
    const wanted: Wanted = { sid: ++this.#lastSid, pattern, tokens: parsePattern(pattern), group, isOwn }
    this.#bySid.set(wanted.sid, wanted)
    if (group === undefined) this.#matches.clear()
    return wanted
  }

  #send(client: NatsClient, { pattern, group, sid }: Wanted): void {
    client.line(group === undefined ? `SUB ${pattern} ${sid}` : `SUB ${pattern} ${group} ${sid}`)
  }

  #forgetEnded(): void {
    const now = this.#nowMs()
    for (const [wanted, untilMs] of this.#ended) if (untilMs <= now) this.#ended.delete(wanted)
  }
}

function keyOf(pattern: string, group: string | undefined): string {
  return group === undefined ? pattern : `${pattern} ${group}`
}
