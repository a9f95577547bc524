// Requests from beyond that wait for answers of this broker's clients: where their answers go. And the inbox of this broker,
// where answers from beyond come.
//
//   out   request of connection 12, id 7     PUB subject <inbox>.12.7           answers: MSG <inbox>.12.7
//   in    MSG subject … reply R              request with id n of the bus connection; its answers, with ref n, go to R

import { randomBytes } from 'node:crypto'

/** Far above what may be open; what told of an end may have been dropped without a link. */
const MAX_ASKED = 65_536

/** A request from beyond. */
export interface AskedHere {
  readonly reply: string
  /** It came for nobody but us: who asks must be told when nobody answers. */
  readonly isOurs: boolean
}

export class Asked {
  /** Another one for each start of the link, so that no answer comes to the wrong request. */
  readonly inbox: string
  readonly #here: Map<number, AskedHere>

  /** `moved`: those of the process of this broker before this one. */
  constructor(moved?: { readonly inbox: string; readonly asked: readonly (readonly [id: number, AskedHere])[] }) {
    this.inbox = moved?.inbox ?? `_INBOX.${randomBytes(12).toString('base64url').replace(/[-_]/g, '0')}`
    this.#here = new Map(moved?.asked)
  }

  [Symbol.iterator](): IterableIterator<[id: number, AskedHere]> {
    return this.#here.entries()
  }

  get size(): number {
    return this.#here.size
  }

  add(id: number, asked: AskedHere): void {
    if (this.#here.size >= MAX_ASKED) this.#here.delete(this.#here.keys().next().value!)
    this.#here.set(id, asked)
  }

  get(id: number): AskedHere | undefined {
    return this.#here.get(id)
  }

  delete(id: number): void {
    this.#here.delete(id)
  }

  /** Where answers to a request of this broker's client come. */
  addressOf(origin: number, id: number): string {
    return `${this.inbox}.${origin}.${id}`
  }

  /** Whose request an address of this broker's is about; undefined: it is none. */
  requestOf(address: string): { readonly origin: number; readonly id: number } | undefined {
    if (!address.startsWith(`${this.inbox}.`)) return undefined
    const match = /^(\d{1,10})\.(\d{1,16})$/.exec(address.slice(this.inbox.length + 1))
    if (match === null) return undefined
    const [origin, id] = [Number(match[1]), Number(match[2])]
    return Number.isSafeInteger(id) ? { origin, id } : undefined
  }
}
