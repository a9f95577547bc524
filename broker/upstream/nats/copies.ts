// Tells copies of one message apart from another message: where several of our patterns match a subject, the server sends one
// copy for each of them, and only one counts. Pure.
//
// Who owns a message cannot be agreed on by pattern: the server stops serving a pattern at a moment that we learn of later, and what came
// in between would be lost, or be there twice. So copies find each other by what is in them. Each subscription brings each message
// once; a copy is new when no message with the same content waits for a copy of its subscription.
//
//   content   brought by          a.* and a.b both match:   x:m ─ new ─▶ delivered     y:m ─ m waits for y ─▶ passed over
//   h(m)      { x, y }                                      y:n ─ new ─▶ delivered     x:n ─ n waits for x ─▶ passed over

/** A message of which not all copies have come. */
interface Waiting {
  /** Subscriptions that have brought it. */
  readonly brought: number[]
  readonly sinceMs: number
}

/** Copies of one message come in one turn of the server's, or nearly: far below this. ms */
const KEPT_MS = 2000
const MAX_WAITING = 65_536

export class Copies {
  /** By content: the oldest first. */
  readonly #waiting = new Map<number, Waiting[]>()
  readonly #order: { readonly content: number; readonly waiting: Waiting }[] = []
  #first = 0
  #size = 0

  /** Messages of which a copy is still expected. */
  get size(): number {
    return this.#size
  }

  /**
   * True when this is the first copy of its message. `content` stands for subject, reply, headers and payload; `matches`: how many
   * subscriptions match the subject.
   */
  isNew(content: number, sid: number, matches: number, nowMs: number): boolean {
    this.#forget(nowMs)
    const list = this.#waiting.get(content)
    const known = list?.find(({ brought }) => !brought.includes(sid))
    if (known !== undefined) {
      known.brought.push(sid)
      if (known.brought.length >= matches) this.#remove(content, known)
      return false
    }
    if (matches < 2) return true
    const waiting: Waiting = { brought: [sid], sinceMs: nowMs }
    if (list === undefined) this.#waiting.set(content, [waiting])
    else list.push(waiting)
    this.#order.push({ content, waiting })
    this.#size++
    return true
  }

  clear(): void {
    this.#waiting.clear()
    this.#order.length = this.#first = this.#size = 0
  }

  #remove(content: number, waiting: Waiting): void {
    const list = this.#waiting.get(content)
    const at = list?.indexOf(waiting) ?? -1
    if (list === undefined || at < 0) return
    list.splice(at, 1)
    if (list.length === 0) this.#waiting.delete(content)
    this.#size--
  }

  #forget(nowMs: number): void {
    const order = this.#order
    while (this.#first < order.length) {
      const { content, waiting } = order[this.#first]!
      if (waiting.sinceMs + KEPT_MS > nowMs && order.length - this.#first <= MAX_WAITING) break
      this.#remove(content, waiting)
      this.#first++
    }
    if (this.#first > 1024 && this.#first * 2 > order.length) {
      order.splice(0, this.#first)
      this.#first = 0
    }
  }
}

/** Bytes of each part that count; of longer ones the beginning, the end and the length do. */
const HASHED_BYTES = 1024

/** A number that is the same for all copies of a message. 0..2^32-1 */
export function contentOf(subject: string, reply: string | undefined, headers: Uint8Array | undefined, payload: Uint8Array): number {
  let hash = 0x811c9dc5
  hash = mixText(hash, subject)
  hash = mixText(hash, reply ?? '')
  if (headers !== undefined) hash = mixBytes(hash, headers)
  return mixBytes(hash, payload) >>> 0
}

function mixText(hash: number, text: string): number {
  let mixed = hash ^ text.length
  for (let i = 0; i < text.length; i++) mixed = Math.imul(mixed ^ text.charCodeAt(i), 0x01000193)
  return mixed
}

function mixBytes(hash: number, bytes: Uint8Array): number {
  let mixed = Math.imul(hash ^ bytes.length, 0x01000193)
  const head = Math.min(bytes.length, HASHED_BYTES)
  for (let i = 0; i < head; i++) mixed = Math.imul(mixed ^ bytes[i]!, 0x01000193)
  for (let i = Math.max(head, bytes.length - HASHED_BYTES); i < bytes.length; i++) mixed = Math.imul(mixed ^ bytes[i]!, 0x01000193)
  return mixed
}
