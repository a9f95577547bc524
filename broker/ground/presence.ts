// Who is connected where, among brokers that are joined: what they ask of each other's parts. Types only.

/** One client of a broker, as the others know it. */
export interface PresentClient {
  readonly client: string
  readonly principal: string
  readonly agent: string | undefined
  readonly session: string
  /** Connected since, by its broker's wall clock. ms since the epoch */
  readonly sinceMs: number
}

/** What presence asks of the broker that it speaks for. */
export interface PresenceHost {
  clients(): Iterable<PresentClient>
  client(id: string): PresentClient | undefined
  agent(name: string): PresentClient | undefined
  /** The same session of it, if it is still here, is ended: somebody else has its id at another broker. */
  end(client: PresentClient, code: 'session.taken_over' | 'session.id_taken'): void
  /** Who is where has changed beyond this broker. */
  changed(): void
}

/** Another broker of those that are joined. */
export interface PeerBroker {
  readonly broker: string
  readonly name: string
  readonly host: string
  readonly pid: number
  readonly version: string
}

/** Where the others are. */
export interface Presence {
  /**
   * The NATS subject that reaches `$CB.to.<kind>.<id>` beyond this broker: of the broker that has it, or of all brokers while
   * nobody knows which. undefined: nobody has it.
   */
  subjectOf(kind: string, id: string): string | undefined
  /** The principal that has the client id, or the agent name, at another broker; not of agents that their broker started. */
  holder(kind: 'client' | 'agent', id: string): string | undefined
  /** A client has connected here; it is the one from now on. */
  came(client: PresentClient): void
  left(client: string): void
}
