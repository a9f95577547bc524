// What this broker wants from the servers: patterns on P, queue groups on Q. Survives connections; knows no messages.
//
//   interested('a.*')          first of it: SUB a.* <only> 7 on P      last of it left: UNSUB 7, forgotten when the server has done it
//   interested('jobs', 'g')    first member: SUB jobs g 8 on Q         what leaves on P waits until the server has done it
//
// All patterns of P, but the broker's own, are one queue group with a name that nobody else has. A server picks one subscription of a queue group for each
// message, whatever its patterns are: so a message that several of them match comes once, also while they come and go. A name of
// its own for each connection, since a server may take a while to notice that the one before is gone; but that of the
// process before this one where that hands over: then each message comes to one of the two. The
// broker's own, but the inbox, are such a group too, for that alone.

import { randomBytes } from 'node:crypto'
import { parsePattern } from '../../ground/subject.ts'
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

/** What one of the connections has been asked for, and whether its server knows. */
class Asking {
  readonly client: NatsClient
  /** Counts what was asked for, and how much of it the server has confirmed. */
  #asked = 0
  #confirmed = 0
  #isPinging = false
  #waiting: { readonly asked: number; readonly callback: () => void }[] = []

  constructor(client: NatsClient) {
    this.client = client
  }

  ask(line: string): void {
    this.client.line(line)
    this.#asked++
    this.#ping()
  }

  /** Calls back when the server knows all that it was asked for until now; at once when it does. */
  whenKnown(callback: () => void): void {
    if (this.#confirmed === this.#asked) callback()
    else this.#waiting.push({ asked: this.#asked, callback })
  }

  /** Nobody will confirm anything any more. */
  end(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { callback } of waiting) callback()
  }

  // One PING for all that was asked for while the one before was on its way.
  #ping(): void {
    if (this.#isPinging) return
    this.#isPinging = true
    queueMicrotask(() => {
      const asked = this.#asked
      this.client.ping(() => {
        this.#isPinging = false
        this.#confirmed = asked
        const known = this.#waiting.filter((each) => each.asked <= asked)
        this.#waiting = this.#waiting.filter((each) => each.asked > asked)
        if (this.#asked > asked) this.#ping()
        for (const { callback } of known) callback()
      })
    })
  }
}

export class Interest {
  readonly #subjects: SharedSubjects
  readonly #own: readonly string[]
  readonly #sources = new Map<string, Source>()
  readonly #bySid = new Map<number, Wanted>()
  #p: Asking | undefined
  #q: Asking | undefined
  #only = ''
  #lastSid = 0
  #groups = 0
  /** Another process of this broker wants it now: who comes and goes here changes nothing. */
  #isFrozen = false

  /** `own`: patterns on P that are there as long as the link is. */
  constructor(subjects: SharedSubjects, own: readonly string[]) {
    this.#subjects = subjects
    this.#own = own
  }

  /** How many patterns and groups are wanted from the servers. */
  get counts(): { readonly patterns: number; readonly groups: number } {
    let patterns = 0
    for (const { wanted } of this.#sources.values()) if (wanted !== undefined) patterns++
    return { patterns: patterns - this.#groups, groups: this.#groups }
  }

  /** Members of groups are wanted for. */
  get hasGroups(): boolean {
    return this.#groups > 0
  }

  /** There are connections that it is wanted of. */
  get isAttached(): boolean {
    return this.#p !== undefined
  }

  /** Name of the queue group of all patterns of P. */
  get only(): string {
    return this.#only
  }

  /** From now on it stays as it is. */
  freeze(): void {
    this.#isFrozen = true
  }

  /** Asks for nothing any more; what the servers sent before they know still belongs to what was wanted. */
  leave(): void {
    for (const { sid, group } of this.#bySid.values()) (group === undefined ? this.#p : this.#q)?.ask(`UNSUB ${sid}`)
  }

  /** One source more wants it. */
  add(pattern: string, group: string | undefined): void {
    if (this.#isFrozen) return
    const key = keyOf(pattern, group)
    const source = this.#sources.get(key)
    if (source !== undefined) {
      source.count++
      return
    }
    const added: Source = { count: 1, wanted: undefined }
    this.#sources.set(key, added)
    this.#subscribe(added, pattern, group)
  }

  remove(pattern: string, group: string | undefined): void {
    if (this.#isFrozen) return
    const key = keyOf(pattern, group)
    const source = this.#sources.get(key)
    if (source === undefined || --source.count > 0) return
    this.#sources.delete(key)
    if (source.wanted !== undefined) this.#unsubscribe(source.wanted)
  }

  /** New connections: everything that is wanted is asked for. `inbox`: where answers come; `only`: the queue group of all patterns of P, default a name of its own. */
  attach(p: NatsClient, q: NatsClient, inbox: string, only = `cb-${randomBytes(12).toString('hex')}`): void {
    this.detach()
    this.#p = new Asking(p)
    this.#q = new Asking(q)
    this.#only = only
    for (const pattern of this.#own) this.#ask(this.#note(pattern, undefined, true))
    // A server tells that nobody answers only to a subscription outside queue groups.
    const answers = this.#note(`${inbox}.>`, undefined, true)
    this.#p.ask(`SUB ${answers.pattern} ${answers.sid}`)
    for (const [key, source] of this.#sources) {
      const [pattern, group] = key.split(' ') as [string, string | undefined]
      this.#subscribe(source, pattern, group)
    }
  }

  /** The connections are gone. */
  detach(): void {
    const before = [this.#p, this.#q]
    this.#p = this.#q = undefined
    this.#bySid.clear()
    this.#groups = 0
    for (const source of this.#sources.values()) source.wanted = undefined
    for (const asking of before) asking?.end()
  }

  wanted(sid: number): Wanted | undefined {
    return this.#bySid.get(sid)
  }

  /** Calls back when every group that was asked for until now is served; at once when all are, or no server is there. */
  whenGroupsKnown(callback: () => void): void {
    if (this.#q === undefined) callback()
    else this.#q.whenKnown(callback)
  }

  /** Calls back when the servers know all that was asked for until now; at once when they do, or no server is there. */
  whenKnown(callback: () => void): void {
    const { p, q } = { p: this.#p, q: this.#q }
    if (p === undefined || q === undefined) callback()
    else p.whenKnown(() => q.whenKnown(callback))
  }

  #subscribe(source: Source, pattern: string, group: string | undefined): void {
    if (this.#p === undefined) return
    if (!this.#subjects.hasPattern(parsePattern(pattern))) return
    source.wanted = this.#note(pattern, group, false)
    this.#ask(source.wanted)
  }

  #unsubscribe(wanted: Wanted): void {
    const { sid, group } = wanted
    const asking = group === undefined ? this.#p : this.#q
    if (group !== undefined) this.#groups--
    if (asking === undefined) return
    asking.ask(`UNSUB ${sid}`)
    // Until the server has done it, messages come.
    asking.whenKnown(() => this.#bySid.delete(sid))
  }

  #note(pattern: string, group: string | undefined, isOwn: boolean): Wanted {
    const wanted: Wanted = { sid: ++this.#lastSid, pattern, tokens: parsePattern(pattern), group, isOwn }
    this.#bySid.set(wanted.sid, wanted)
    if (group !== undefined) this.#groups++
    return wanted
  }

  // The broker's own are a group apart: of `>` and `$CB.to.>` in one group the server would pick either.
  #ask({ pattern, group, sid, isOwn }: Wanted): void {
    if (isOwn) this.#p!.ask(`SUB ${pattern} ${this.#only}-own ${sid}`)
    else if (group === undefined) this.#p!.ask(`SUB ${pattern} ${this.#only} ${sid}`)
    else this.#q!.ask(`SUB ${pattern} ${group} ${sid}`)
  }
}

function keyOf(pattern: string, group: string | undefined): string {
  return group === undefined ? pattern : `${pattern} ${group}`
}
