// Requests that wait for an answer: who asked, who may answer, until when. Knows nothing of frames.

import { Deadline, type Deadlines } from '../ground/deadlines.ts'
import type { ChosenInstance, RequestOutcome } from '../ground/registry.ts'
import type { Account, Sink } from '../ground/slice.ts'

/** A connection as requester and as responder. */
export interface RequestParty extends Sink {
  /** Own requests that are open, by id; undefined while there was none. */
  openRequests: Map<number, OpenRequest> | undefined
  /** Open requests that wait for this one. */
  awaitedAnswers: number
}

/** What ended a request without an answer of its own. */
export type RequestEnd = 'timeout' | 'responder-gone' | 'complete' | 'nobody' | 'dead-lettered'

export interface RequestEvents {
  /** The requester must be told. `complete` is the end of a request for many answers; `reason` is given where it became a dead letter. */
  ended(request: OpenRequest, end: RequestEnd, reason?: string): void
  /** A responder that has not answered must be told that nobody waits any more. */
  cancelled(request: OpenRequest, responder: RequestParty): void
}

/** Where the answers to a request go that was not made by a frame. */
export interface ReplyAddress {
  readonly subject: string
  readonly bytes: Uint8Array
  /** Others may publish answers there themselves: that nobody is left here does not mean that nobody answers. */
  readonly isShared: boolean
}

export type RequestInit = Pick<OpenRequest, 'requester' | 'id' | 'subject' | 'subjectBytes' | 'account' | 'limitMs' | 'isMany' | 'responders' | 'reply' | 'instance'>

export class OpenRequest extends Deadline {
  readonly requester: RequestParty
  readonly id: number
  readonly subject: string
  /** UTF-8 of the subject, which answers repeat. */
  readonly subjectBytes: Uint8Array
  /** Answers belong to the account of the request. */
  readonly account: Account
  readonly limitMs: number
  /** All answers are wanted, not only the first. */
  readonly isMany: boolean
  /** Who may still answer; a connection that got it twice, by a subscription and in a group, stands here twice. */
  responders: RequestParty[]
  /** Of the responders, those that have it from a queue, which is one too. */
  joined: RequestParty[] | undefined
  responses = 0
  /** Answers that were not the last of their responder. */
  parts = 0
  /** Somebody who may have had it left without an answer. */
  isDeserted = false
  /** When its instance got it, where somebody times that. Monotonic ms, 0 = nobody does */
  beganMs = 0
  /** undefined: they go to the requester as frames. */
  readonly reply: ReplyAddress | undefined
  /** Whom it was given to by a name; undefined: it was not. */
  readonly instance: ChosenInstance | undefined
  readonly #onExpired: (request: OpenRequest) => void

  constructor({ requester, id, subject, subjectBytes, account, limitMs, isMany, responders, reply, instance }: RequestInit, onExpired: (request: OpenRequest) => void) {
    super()
    this.requester = requester
    this.id = id
    this.subject = subject
    this.subjectBytes = subjectBytes
    this.account = account
    this.limitMs = limitMs
    this.isMany = isMany
    this.responders = responders
    this.reply = reply
    this.instance = instance
    this.#onExpired = onExpired
  }

  override expire(): void {
    this.#onExpired(this)
  }
}

export class OpenRequests {
  readonly #deadlines: Deadlines
  readonly #events: RequestEvents
  readonly #parties: () => Iterable<RequestParty>
  readonly #expire = (request: OpenRequest): void => this.#end(request, 'timeout')
  #size = 0

  /** `parties` gives all that may have open requests: those that wait for a responder that left are looked for there, as that is rare. */
  constructor(deadlines: Deadlines, parties: () => Iterable<RequestParty>, events: RequestEvents) {
    this.#parties = parties
    this.#deadlines = deadlines
    this.#events = events
  }

  get size(): number {
    return this.#size
  }

  open(init: RequestInit): void {
    const { requester, id, limitMs, responders } = init
    const request = new OpenRequest(init, this.#expire)
    requester.openRequests ??= new Map()
    requester.openRequests.set(id, request)
    for (const responder of responders) responder.awaitedAnswers++
    this.#size++
    if (init.instance !== undefined) request.beganMs = init.instance.began()
    this.#deadlines.set(request, limitMs)
  }

  /** One that was open in another process of the broker, `leftMs` before its time is up, and what became of it there. */
  moved(init: RequestInit, { leftMs, responses, parts, isDeserted }: Pick<OpenRequest, 'responses' | 'parts' | 'isDeserted'> & { readonly leftMs: number }): void {
    this.open(init)
    const request = init.requester.openRequests!.get(init.id)!
    request.responses = responses
    request.parts = parts
    request.isDeserted = isDeserted
    this.#deadlines.set(request, leftMs)
  }

  /** The request `id` of `requester`, when it waits for `responder`. */
  awaited(requester: RequestParty | undefined, id: number, responder: RequestParty): OpenRequest | undefined {
    const request = requester?.openRequests?.get(id)
    return request !== undefined && request.responders.includes(responder) ? request : undefined
  }

  /** A part came: unless many are wanted the request belongs to this responder from now on. */
  part(request: OpenRequest, responder: RequestParty): void {
    request.parts++
    if (!request.isMany && request.responders.length > 1) this.#keepOnly(request, responder)
  }

  /** One of many came from somebody who stands for several: more may follow. */
  counted(request: OpenRequest): void {
    request.responses++
  }

  /** A last answer came; the first one closes the request, or the last of many. */
  answered(request: OpenRequest, responder: RequestParty): void {
    request.responses++
    if (!request.isMany) return this.#close(request, responder, 'answered')
    this.#release(request, responder)
    if (request.responders.length === 0) this.#end(request, 'complete')
  }

  /** A responder is none after all: beyond it nobody was there. That nobody has it is said only where that is so of all. */
  declined(request: OpenRequest, responder: RequestParty): void {
    this.#release(request, responder)
    if (request.responders.length === 0) this.#end(request, request.isMany && request.responses > 0 ? 'complete' : request.isDeserted ? 'responder-gone' : 'nobody')
  }

  /** The request `id`, which `queue` keeps, is handed to a consumer, who may answer it from now on; undefined when nothing of it waits for the queue. */
  join(requester: RequestParty | undefined, id: number, queue: RequestParty, consumer: RequestParty): OpenRequest | undefined {
    const request = this.awaited(requester, id, queue)
    if (request === undefined || request.responders.includes(consumer)) return request
    request.responders = [...request.responders, consumer]
    request.joined = [...(request.joined ?? []), consumer]
    consumer.awaitedAnswers++
    return request
  }

  /** The queue hands it to nobody any more: whoever has it answers, or nobody. */
  leftTo(request: OpenRequest, queue: RequestParty): void {
    if (request.responders.includes(queue)) this.#bereave(request, queue)
  }

  /** It became a dead letter of the queue: neither that nor those who had it from there will answer. */
  deadLettered(request: OpenRequest, queue: RequestParty, reason: string): void {
    if (!this.isOpen(request)) return
    for (const party of [queue, ...(request.joined ?? [])]) if (request.responders.includes(party)) this.#release(request, party)
    if (request.responders.length > 0) return
    if (request.isMany && request.responses > 0) return this.#end(request, 'complete')
    this.#end(request, 'dead-lettered', reason)
  }

  isOpen(request: OpenRequest): boolean {
    return request.requester.openRequests?.get(request.id) === request
  }

  /** The requester gave up; false when nothing was open under that id. */
  cancel(requester: RequestParty, id: number): boolean {
    const request = requester.openRequests?.get(id)
    if (request !== undefined) this.#close(request, undefined)
    return request !== undefined
  }

  /** The requester's oldest request makes room for another one. */
  cancelOldest(requester: RequestParty): void {
    for (const request of requester.openRequests?.values() ?? []) return this.#close(request, undefined)
  }

  /** A connection is gone: its requests are cancelled, those that waited for it alone end at once. */
  leave(party: RequestParty): void {
    if (party.openRequests !== undefined) for (const request of party.openRequests.values()) this.#close(request, undefined)
    this.desert(party)
  }

  /** A connection answers nothing that is open now: requests that waited for it alone end at once. */
  desert(party: RequestParty): void {
    if (party.awaitedAnswers === 0) return
    for (const { openRequests } of this.#parties()) {
      if (openRequests !== undefined) for (const request of openRequests.values()) if (request.responders.includes(party)) this.#bereave(request, party)
    }
  }

  #bereave(request: OpenRequest, responder: RequestParty): void {
    request.isDeserted = true
    while (request.responders.includes(responder)) this.#release(request, responder)
    if (request.responders.length === 0) this.#end(request, request.isMany && request.responses > 0 ? 'complete' : 'responder-gone')
  }

  #end(request: OpenRequest, end: RequestEnd, reason?: string): void {
    if (end !== 'complete') request.instance?.failed()
    this.#close(request, undefined, request.responses > 0 ? 'answered' : 'unanswered')
    this.#events.ended(request, end, reason)
  }

  #close(request: OpenRequest, answeredBy: RequestParty | undefined, end: RequestOutcome = 'given-up'): void {
    this.#deadlines.cancel(request)
    if (request.requester.openRequests?.delete(request.id)) {
      this.#size--
      request.instance?.ended(request.beganMs, end)
    }
    const { responders } = request
    request.responders = []
    for (const responder of responders) {
      responder.awaitedAnswers--
      if (responder !== answeredBy) this.#events.cancelled(request, responder)
    }
  }

  #keepOnly(request: OpenRequest, responder: RequestParty): void {
    const others = request.responders.slice()
    others.splice(others.indexOf(responder), 1)
    request.responders = [responder]
    for (const other of others) {
      other.awaitedAnswers--
      if (other !== responder) this.#events.cancelled(request, other)
    }
  }

  #release(request: OpenRequest, responder: RequestParty): void {
    request.responders = request.responders.toSpliced(request.responders.indexOf(responder), 1)
    responder.awaitedAnswers--
  }
}
