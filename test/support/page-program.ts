// What a page does with the SDK, step by step as a test in Node says. Runs in a browser.

import { BrokerError, connect, type BrowserConnectOptions, type Client } from '../../client/browser.ts'

/** The defaults are short for a machine that runs many tests. */
const PATIENCE = { connectTimeoutMs: 60_000, requestTimeoutMs: 60_000 }

let client: Client
const received: unknown[] = []
let wakeReader: (() => void) | undefined
let back: Promise<boolean> | undefined

const program = {
  /** Gives the client's id. */
  async open(options: BrowserConnectOptions): Promise<string> {
    client = await connect({ ...PATIENCE, ...options })
    return client.id
  },

  /** Gives the code of the error with which connecting fails. */
  async refusal(options: BrowserConnectOptions): Promise<string> {
    try {
      const opened = await connect({ ...PATIENCE, ...options })
      opened.destroy()
      return 'connected'
    } catch (error) {
      return error instanceof BrokerError ? error.code : String(error)
    }
  },

  async subscribe(pattern: string): Promise<void> {
    const onMessage = ({ value }: { value: unknown }): void => {
      received.push(value instanceof Uint8Array ? [...value] : value)
      wakeReader?.()
    }
    await client.subscribe(pattern, { onMessage }).ready
  },

  /** The next `count` values that any subscription got. */
  async take(count: number): Promise<unknown[]> {
    while (received.length < count) {
      await new Promise<void>(resolve => {
        wakeReader = resolve
      })
    }
    return received.splice(0, count)
  },

  /** Answers requests on `subject` with their value and `addition`. */
  async serve(subject: string, addition: number): Promise<void> {
    await client.subscribe<number>(subject, { onMessage: message => message.respond(message.value + addition) }).ready
  },

  async publish(subject: string, values: readonly unknown[]): Promise<number> {
    let receivers = 0
    for (const value of values) receivers += (await client.publish(subject, value, { receipt: true })).receivers
    return receivers
  },

  async request(subject: string, value: unknown): Promise<unknown> {
    return (await client.request(subject, value)).value
  },

  async stream(subject: string): Promise<unknown[]> {
    const values: unknown[] = []
    for await (const part of client.stream(subject)) values.push(part.value)
    return values
  },

  /** From now on, watches for the connection to come back. */
  watch(): void {
    back = new Promise(resolve => {
      client.on('reconnected', ({ resumed }) => resolve(resumed === true))
    })
  },

  /** Resolves when it has come back since `watch`; true when the session goes on. */
  back(): Promise<boolean> | undefined {
    return back
  },

  async close(): Promise<void> {
    await client.close()
  },
}

export type PageProgram = typeof program

Object.assign(globalThis, { program })
