// The connections to a Redis server: one that asks and one that listens. They come back by themselves; meanwhile nothing is kept
// to be asked later, as nobody would know any more what became of it.

import { createHash } from 'node:crypto'
import type { ConnectionOptions } from 'node:tls'
import { Redis, type RedisOptions } from 'ioredis'
import type { BrokerError } from '../../ground/errors.ts'
import type { Log } from '../../ground/types.ts'
import { safetyOf, type Safety } from './durability.ts'
import { script, type Operation } from './lua/script.ts'
import { redisError, unavailable } from './redis-errors.ts'

export interface RedisLinkOptions {
  /** Without user and password. */
  readonly url: string
  readonly password: string | undefined
  /** Where the url is `rediss://`. */
  readonly tls: ConnectionOptions
  /** By which the server's operator knows the connection. */
  readonly name: string
  readonly log: Log
  /** An answer that takes longer never comes: the connection is given up, and another one made. ms */
  readonly silenceMs: number
}

/** Told what happens to the connection; `message` is one that was published to the queue's key. */
export interface LinkListener {
  lost(problem: BrokerError): void
  rejoined(): void
  message(text: string): void
}

export type Argument = string | number | Buffer

const CONNECT_MS = 5000
/** Between two tries to connect again: 50, 100, 200 and so on up to this, and up to as much again by chance. ms */
const RETRY_MS = 1000
/** Bytes that are asked for and not answered yet; beyond that nothing is taken. */
const MAX_PENDING = 64 * 1024 * 1024

const sha = createHash('sha1').update(script).digest('hex')

export class RedisLink {
  readonly url: string
  readonly #log: Log
  readonly #redis: Redis
  readonly #ear: Redis
  readonly #listeners = new Map<string, LinkListener>()
  #safety!: Safety
  #problem: BrokerError | undefined
  #isOpen = false
  #isClosing = false
  #pendingBytes = 0
  #lastError = ''

  private constructor({ url, password, tls, name, log, silenceMs }: RedisLinkOptions) {
    this.url = url
    this.#log = log
    const { hostname, port, pathname, protocol } = new URL(url)
    const options = {
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port === '' ? 6379 : Number(port),
      db: Number(pathname.slice(1)),
      ...(password === undefined ? {} : { password }),
      ...(protocol === 'rediss:' ? { tls } : {}),
      protocol: 2,
      connectionName: name,
      disableClientInfo: true,
      lazyConnect: true,
      connectTimeout: CONNECT_MS,
      socketTimeout: silenceMs,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      // What was asked is refused when the connection breaks. With null, and nothing resent, ioredis would never answer it.
      maxRetriesPerRequest: 0,
      // It would subscribe without looking whether that went well.
      autoResubscribe: false,
      retryStrategy: (times: number) => (this.#isOpen && !this.#isClosing ? Math.min(RETRY_MS, 50 * 2 ** Math.min(times - 1, 10)) * (1 + Math.random()) : null),
    } satisfies RedisOptions
    this.#redis = new Redis(options)
    this.#ear = new Redis({ ...options, connectionName: `${name} listening` })
  }

  /** @throws BrokerError `store.unavailable`, `store.failed` */
  static async open(options: RedisLinkOptions): Promise<RedisLink> {
    const link = new RedisLink(options)
    try {
      await link.#connect()
      return link
    } catch (error) {
      link.#drop()
      throw redisError(options.url, link.#lastError === '' || !/closed/i.test(String(error)) ? error : new Error(link.#lastError, { cause: error }))
    }
  }

  /** undefined: it is connected. */
  get problem(): BrokerError | undefined {
    return this.#problem
  }

  get safety(): Safety {
    return this.#safety
  }

  /** Asks the server anew what it keeps, which may change while it runs. @throws BrokerError `store.*` */
  async look(): Promise<void> {
    if (this.#problem !== undefined) throw this.#problem
    try {
      this.#safety = await safetyOf(this.#redis)
    } catch (error) {
      throw redisError(this.url, error)
    }
  }

  /** Something of that many bytes may be asked; otherwise why not. */
  refusal(bytes: number): BrokerError | undefined {
    if (this.#problem !== undefined) return this.#problem
    return this.#pendingBytes + bytes > MAX_PENDING ? unavailable(`${this.url} is behind with its answers: ${this.#pendingBytes} bytes wait for them`) : undefined
  }

  /** One step of a queue, after those that were asked before. @throws BrokerError `store.*` */
  async ask(operation: Operation, key: string, args: readonly Argument[], bytes = 0): Promise<unknown> {
    if (this.#problem !== undefined) throw this.#problem
    this.#pendingBytes += bytes
    try {
      return await this.#redis.callBuffer('EVALSHA', sha, 1, key, operation, ...args)
    } catch (error) {
      // Somebody flushed the scripts: the next one finds it again.
      if (error instanceof Error && error.message.startsWith('NOSCRIPT')) void this.#redis.script('LOAD', script).catch(() => {})
      throw redisError(this.url, error)
    } finally {
      this.#pendingBytes -= bytes
    }
  }

  /** A command of Redis. @throws BrokerError `store.*` */
  async command(name: string, ...args: string[]): Promise<unknown> {
    if (this.#problem !== undefined) throw this.#problem
    try {
      return await this.#redis.call(name, ...args)
    } catch (error) {
      throw redisError(this.url, error)
    }
  }

  /** @throws BrokerError `store.*` */
  async listen(key: string, listener: LinkListener): Promise<void> {
    this.#listeners.set(key, listener)
    try {
      await this.#ear.subscribe(key)
    } catch (error) {
      this.#listeners.delete(key)
      throw redisError(this.url, error)
    }
  }

  async unlisten(key: string): Promise<void> {
    this.#listeners.delete(key)
    await this.#ear.unsubscribe(key).catch(() => {})
  }

  close(): void {
    this.#isClosing = true
    this.#drop()
  }

  async #connect(): Promise<void> {
    for (const redis of [this.#redis, this.#ear]) {
      redis.on('error', (error: Error) => (this.#lastError = error.message))
      await redis.connect()
    }
    await this.#begin()
    this.#isOpen = true
    this.#redis.on('close', () => this.#lost())
    this.#redis.on('ready', () => void this.#rejoin())
    this.#ear.on('ready', () => void this.#listenAgain())
    this.#ear.on('message', (key: string, text: string) => this.#listeners.get(key)?.message(text))
  }

  // Another server may have come in its place, without the script and with other settings.
  async #begin(): Promise<void> {
    this.#safety = await safetyOf(this.#redis)
    await this.#redis.script('LOAD', script)
  }

  #lost(): void {
    if (this.#isClosing || this.#problem !== undefined) return
    this.#problem = unavailable(`the connection to ${this.url} is lost${this.#lastError === '' ? '' : ` (${this.#lastError})`}; it is tried again`)
    this.#log.warn({ server: this.url }, 'store: the connection to Redis is lost')
    for (const listener of this.#listeners.values()) listener.lost(this.#problem)
  }

  async #rejoin(): Promise<void> {
    try {
      await this.#begin()
    } catch (error) {
      this.#lastError = error instanceof Error ? error.message : String(error)
      // One that cannot be asked that is of no use; the next one may be.
      this.#redis.disconnect(true)
      return
    }
    this.#problem = undefined
    this.#lastError = ''
    this.#log.info({ server: this.url }, 'store: connected to Redis again')
    for (const listener of this.#listeners.values()) listener.rejoined()
  }

  async #listenAgain(): Promise<void> {
    if (this.#listeners.size === 0) return
    try {
      await this.#ear.subscribe(...this.#listeners.keys())
    } catch {
      this.#ear.disconnect(true)
      return
    }
    // What was published meanwhile was not heard.
    if (this.#problem === undefined) for (const listener of this.#listeners.values()) listener.message('messages ')
  }

  #drop(): void {
    this.#redis.disconnect()
    this.#ear.disconnect()
  }
}
