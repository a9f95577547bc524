// What several publishers sent over several brokers, what came where, and what the senders were told: holds the three
// against each other. Pure: it carries nothing itself.

/** The body of every message of a history: the sender's name, and its number on that subject, from 1. */
export interface Numbered {
  readonly from: string
  readonly n: number
}

/** What a sender was told of its message on the way beyond its broker. `forwarded`: the servers confirmed it. */
export type Told = 'forwarded' | 'link-down' | 'link-unknown'

/** Where messages come: a subscriber of its own, or a member of a group, which together gets each message. */
export interface Receiver {
  readonly name: string
  readonly group: string | undefined
  came(subject: string, message: Numbered): void
}

interface Arrival {
  readonly receiver: string
  readonly subject: string
  readonly from: string
  readonly n: number
}

/** Most problems of one kind that are spelled out; a test that fails need not print a thousand. */
const MOST_SHOWN = 5

export class ClusterHistory {
  readonly #published = new Map<string, number>()
  readonly #told = new Map<string, Told>()
  readonly #receivers: Receiver[] = []
  readonly #arrivals: Arrival[] = []

  /** The next message of a sender on a subject. */
  next(from: string, subject: string): Numbered {
    const flow = flowOf(from, subject)
    const n = (this.#published.get(flow) ?? 0) + 1
    this.#published.set(flow, n)
    return { from, n }
  }

  /** What the sender was told of one message. */
  told(subject: string, { from, n }: Numbered, what: Told): void {
    this.#told.set(keyOf(from, subject, n), what)
  }

  /** Whoever receives; of one group by the same `group`. */
  receiver(name: string, group?: string): Receiver {
    const arrivals = this.#arrivals
    const receiver: Receiver = { name, group, came: (subject, { from, n }) => void arrivals.push({ receiver: name, subject, from, n }) }
    this.#receivers.push(receiver)
    return receiver
  }

  /** How many messages were published, by anybody or by one. */
  published(from?: string): number {
    return sum([...this.#published].filter(([flow]) => from === undefined || flow.startsWith(`${from}\t`)).map(([, count]) => count))
  }

  /** How many messages came to a subscriber, or to a group; of anybody or of one sender. */
  came(to: string, from?: string): number {
    const names = new Set(this.#namesOf(to))
    return this.#arrivals.filter(each => names.has(each.receiver) && (from === undefined || each.from === from)).length
  }

  /** How often senders were told this. */
  countOf(what: Told): number {
    return [...this.#told.values()].filter(each => each === what).length
  }

  /**
   * What may never be: a message that nobody sent, one twice in a group or at a subscriber, one that came before an
   * earlier one of its sender and subject (`unordered` says where that is all right), and one that came beyond the broker
   * (`remote` says where that is) though its sender was told that it had not left. Empty: all is well.
   */
  problems({ remote = [], unordered = [] }: { readonly remote?: readonly string[]; readonly unordered?: readonly string[] } = {}): string[] {
    return [...this.#strays(), ...this.#duplicates(), ...this.#disorder(unordered), ...this.#contradictions(remote)]
  }

  /** Messages on a subject that did not come to a subscriber, or to a group, and what their sender was told; `nothing` when nothing. */
  missing(to: string, subject: string): { readonly from: string; readonly n: number; readonly told: Told | 'nothing' }[] {
    const seen = new Set(this.#arrivalsOf(to).map(({ from, subject: about, n }) => keyOf(from, about, n)))
    return [...this.#published].flatMap(([flow, count]) => {
      const [from, about] = flow.split('\t') as [string, string]
      if (about !== subject) return []
      return Array.from({ length: count }, (_, i) => i + 1)
        .filter(n => !seen.has(keyOf(from, subject, n)))
        .map(n => ({ from, n, told: this.#told.get(keyOf(from, subject, n)) ?? ('nothing' as const) }))
    })
  }

  #strays(): string[] {
    const strays = this.#arrivals.filter(({ from, subject, n }) => n < 1 || n > (this.#published.get(flowOf(from, subject)) ?? 0))
    return shown(strays, ({ receiver, from, subject, n }) => `${receiver} got ${from} ${subject} ${n}, which was never sent`)
  }

  #duplicates(): string[] {
    const groups = new Set(this.#receivers.map(({ name, group }) => group ?? name))
    return [...groups].flatMap(to => {
      const first = new Map<string, string>()
      const twice: string[] = []
      for (const { receiver, from, subject, n } of this.#arrivalsOf(to)) {
        const key = keyOf(from, subject, n)
        const before = first.get(key)
        if (before === undefined) first.set(key, receiver)
        else twice.push(`${to} got ${key} twice: ${before} and ${receiver}`)
      }
      return shown(twice, each => each)
    })
  }

  #disorder(unordered: readonly string[]): string[] {
    const last = new Map<string, number>()
    const wrong: string[] = []
    const passedOver = new Set(unordered.flatMap(to => this.#namesOf(to)))
    for (const { receiver, from, subject, n } of this.#arrivals) {
      if (passedOver.has(receiver)) continue
      const way = `${receiver}\t${flowOf(from, subject)}`
      const before = last.get(way) ?? 0
      // The same again is a duplicate, and told as one.
      if (n < before) wrong.push(`${receiver} got ${from} ${subject} ${n} after ${before}`)
      last.set(way, Math.max(before, n))
    }
    return shown(wrong, each => each)
  }

  #contradictions(remote: readonly string[]): string[] {
    const beyond = new Set(remote.flatMap(to => this.#namesOf(to)))
    const wrong = this.#arrivals.filter(({ receiver, from, subject, n }) => beyond.has(receiver) && this.#told.get(keyOf(from, subject, n)) === 'link-down')
    return shown(wrong, ({ receiver, from, subject, n }) => `${receiver} got ${from} ${subject} ${n}, of which the sender was told link-down`)
  }

  #arrivalsOf(to: string): Arrival[] {
    const names = new Set(this.#namesOf(to))
    return this.#arrivals.filter(({ receiver }) => names.has(receiver))
  }

  // A group's name stands for its members; a subscriber's for itself.
  #namesOf(to: string): string[] {
    return this.#receivers.filter(({ name, group }) => (group ?? name) === to || name === to).map(({ name }) => name)
  }
}

// Names may have spaces.
function flowOf(from: string, subject: string): string {
  return `${from}\t${subject}`
}

function keyOf(from: string, subject: string, n: number): string {
  return `${from} ${subject} ${n}`
}

function shown<T>(all: readonly T[], text: (each: T) => string): string[] {
  const some = all.slice(0, MOST_SHOWN).map(text)
  return all.length > MOST_SHOWN ? [...some, `… and ${all.length - MOST_SHOWN} more`] : some
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
