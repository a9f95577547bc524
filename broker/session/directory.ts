// Who is connected: by connection number, client id, agent name and session. Knows nothing of messages.

/** What the directory must know of a connection. */
export interface Member {
  readonly number: number
  readonly client: string
  readonly agent: string | undefined
  /** The agent's instance that it belongs to. */
  readonly instance?: string | undefined
  readonly session: string
}

/** Connections that left whose names are still known: messages outlive their senders. */
const REMEMBERED_NAMES = 1024

/** Open connections under every address that they have. */
export class Directory<M extends Member> {
  readonly #byNumber = new Map<number, M>()
  readonly #byClient = new Map<string, M>()
  readonly #byAgent = new Map<string, M>()
  readonly #byInstance = new Map<string, Set<M>>()
  readonly #departed = new Map<number, string>()

  get size(): number {
    return this.#byNumber.size
  }

  add(member: M): void {
    this.#byNumber.set(member.number, member)
    this.#byClient.set(member.client, member)
    if (member.agent !== undefined) this.#byAgent.set(member.agent, member)
    if (member.instance === undefined) return
    const known = this.#byInstance.get(member.instance)
    if (known === undefined) this.#byInstance.set(member.instance, new Set([member]))
    else known.add(member)
  }

  /** Takes it out; an address that another connection took over meanwhile stays with that one. */
  remove(member: M): void {
    if (this.#byNumber.delete(member.number)) this.#rememberName(member)
    if (this.#byClient.get(member.client) === member) this.#byClient.delete(member.client)
    if (member.agent !== undefined && this.#byAgent.get(member.agent) === member) this.#byAgent.delete(member.agent)
    if (member.instance === undefined) return
    const known = this.#byInstance.get(member.instance)
    if (known?.delete(member) === true && known.size === 0) this.#byInstance.delete(member.instance)
  }

  number(number: number): M | undefined {
    return this.#byNumber.get(number)
  }

  /** Client id of a connection, also of one that left lately; `conn-<number>` when it is not known any more; `broker` for 0, the broker itself. */
  nameOf(number: number): string {
    if (number === 0) return 'broker'
    return this.#byNumber.get(number)?.client ?? this.#departed.get(number) ?? `conn-${number}`
  }

  client(id: string): M | undefined {
    return this.#byClient.get(id)
  }

  /** The member at the address `$CB.to.<kind>.<id>`; kinds: client, agent, session. */
  addressed(kind: string, id: string): M | undefined {
    if (kind === 'client') return this.#byClient.get(id)
    if (kind === 'agent') return this.#byAgent.get(id)
    // A session is looked for one by one: it is an address for people, and an index would cost each connection memory.
    if (kind === 'session') for (const member of this.#byNumber.values()) if (member.session === id) return member
    return undefined
  }

  /** All that belong to an agent's instance, those that came first before the others. */
  ofInstance(id: string): Iterable<M> {
    return this.#byInstance.get(id) ?? []
  }

  all(): IterableIterator<M> {
    return this.#byNumber.values()
  }

  #rememberName({ number, client }: M): void {
    if (this.#departed.size >= REMEMBERED_NAMES) this.#departed.delete(this.#departed.keys().next().value!)
    this.#departed.set(number, client)
  }
}
