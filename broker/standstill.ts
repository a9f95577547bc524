// The moment in which nobody is read, because another process of this broker takes over: who is here, and who comes meanwhile.
//
//   begin ─▶ nobody is read, newcomers neither ─┬▶ leave    links that nobody was let in on end, and so do newcomers: they come again, there
//                                               └▶ end      all are read as before

import type { Connection } from './connection.ts'

export class Standstill {
  /** Every link, admitted or not. */
  readonly #connections: ReadonlySet<Connection>
  /** Whom this has paused; undefined: it is not on. */
  #paused: Connection[] | undefined
  /** Another process is the broker. */
  #hasLeft = false

  constructor(connections: ReadonlySet<Connection>) {
    this.#connections = connections
  }

  get hasLeft(): boolean {
    return this.#hasLeft
  }

  /** `except`: it is held up otherwise. */
  begin(except: Connection | undefined): void {
    this.#paused = [...this.#connections].filter((connection) => connection !== except)
    for (const connection of this.#paused) connection.pause()
  }

  /** A link came, by a socket that was accepted before: it is read from now on, or when all are. */
  came(connection: Connection): void {
    if (this.#paused === undefined) return connection.link.resume()
    this.#paused.push(connection)
    connection.pause()
  }

  /** Without `begin()` nothing. */
  end(): void {
    const paused = this.#paused ?? []
    this.#paused = undefined
    for (const connection of paused) if (connection.pauses > 0) connection.resume()
  }

  /** Another process serves: nobody is let in here any more. */
  leave(): void {
    this.#hasLeft = true
    for (const connection of this.#connections) if (connection.state === 'handshake') connection.link.destroy()
  }
}
