// Keeps what comes too late from standing behind what is newer. A server that stood still for a while has messages of a link that its
// broker gave up long ago: they count as lost there, and what the broker has sent since, by another server, is here already.
//
//   Callboard-Link: <broker> <incarnation> <epoch>        the epoch grows each time that the broker's link is joined
//
// Plain NATS clients have no epochs, and get no such protection.

/** Brokers that are remembered; past it the one that was heard of first is forgotten. */
const MAX_BROKERS = 4096

interface Epoch {
  readonly incarnation: number
  readonly epoch: number
}

export class Epochs {
  readonly #own: string
  readonly #byBroker = new Map<string, Epoch>()

  constructor(own: string) {
    this.#own = own
  }

  /** True where the mark is that of this broker: the server has not noticed yet that the link before is gone, and sends what came by it. */
  isOwn(mark: string): boolean {
    return mark.startsWith(`${this.#own} `)
  }

  /** False: a message with this mark belongs to a link that its broker has left. Marks that mean nothing are let pass. */
  isCurrent(mark: string): boolean {
    const [broker, incarnation, epoch, more] = mark.split(' ')
    if (broker === undefined || more !== undefined || !isCount(incarnation) || !isCount(epoch)) return true
    const came: Epoch = { incarnation: Number(incarnation), epoch: Number(epoch) }
    const known = this.#byBroker.get(broker)
    if (known !== undefined && compare(came, known) === 0) return true
    if (known !== undefined && compare(came, known) < 0) return false
    if (known === undefined && this.#byBroker.size >= MAX_BROKERS) this.#byBroker.delete(this.#byBroker.keys().next().value!)
    this.#byBroker.set(broker, came)
    return true
  }
}

/** What stands in the header. */
export function epochMark(broker: string, incarnation: number, epoch: number): string {
  return `${broker} ${incarnation} ${epoch}`
}

function compare(a: Epoch, b: Epoch): number {
  return a.incarnation - b.incarnation || a.epoch - b.epoch
}

function isCount(word: string | undefined): word is string {
  return word !== undefined && /^\d{1,15}$/.test(word)
}
