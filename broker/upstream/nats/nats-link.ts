// The link to NATS servers: finds one that lets this broker in, notices when it is gone, and finds the next.
//
//   connecting ── a server took both connections, and all that is wanted ──▶ joined ── one of them is gone ──▶ connecting
//       └── none did ──▶ waiting ── backoff over ──▶ connecting            messages are held as long as `hold` says

import type { BusGate } from '../../ground/bus.ts'
import { Deadline } from '../../ground/deadlines.ts'
import { BrokerError } from '../../ground/errors.ts'
import type { MovedLink } from '../../ground/handover.ts'
import { Arrivals, type Forward } from './arrivals.ts'
import { Asked } from './asked.ts'
import { BusLink } from './bus-link.ts'
import { readCredentials } from './credentials.ts'
import { epochMark } from './epochs.ts'
import { Heartbeat } from './heartbeat.ts'
import { Incoming } from './incoming.ts'
import { linkDialect } from './link-dialect.ts'
import type { LinkEdge, LinkState, LinkStatus, NatsLinkOptions } from './link-options.ts'
import type { BusState } from './nats-bus.ts'
import type { NatsClient } from './nats-client.ts'
import { Outgoing } from './outgoing.ts'
import { GATHER_MS, Peers } from './peers.ts'
import { endPair, openPair, settled, type Pair } from './pair.ts'
import { parseServerAddress, type ServerAddress } from '../../ground/nats-address.ts'
import { ServerOrder } from './server-order.ts'
import { ServerSearch } from './server-search.ts'
import { ToldOnce } from './told-once.ts'
import { UserConnection } from './user-connection.ts'
import { Voice } from './voice.ts'

/** Time that a server has for each step of letting this broker in. ms */
const ENTRY_MS = 2000
/** Of what comes while another process of this broker takes over so much is kept in any case: that time is short, and nothing is wrong with the servers. bytes */
const LEAST_KEPT_BYTES = 8 * 1024 * 1024
/** Time that what goes on from the process before this one waits for a server as if one were there. ms */
const COMING_MS = 5000
/** Time for what came to be passed on to the next process. ms */
const PASS_MS = 5000
/** Time that what waits has to leave when the broker stops. ms */
const DRAIN_MS = 2000
/** Time after which a server that asks to be left is left, whatever is on its way. nats-server's own grace is 10 s by default; one that stands still is found by its heartbeat. ms */
const MAX_LEAVING_MS = 5000
/** A link that lasted less is counted as no link. ms */
const SHORT_STAY_MS = 1000
/** What nats-server says of a message that the account of this broker may not publish. */
const PUBLISH_REFUSED = /permissions violation for publish/i

export class NatsLink {
  readonly #options: NatsLinkOptions
  readonly #order: ServerOrder
  readonly #asked: Asked
  readonly #link: BusLink
  readonly #outgoing: Outgoing
  readonly #incoming: Incoming
  /** Where messages from the servers come in. */
  readonly arrivals: Arrivals
  readonly #heartbeat: Heartbeat
  readonly #peers = new Peers()
  readonly #user: UserConnection
  readonly #voice: Voice
  readonly #gate: BusGate
  readonly #search: ServerSearch
  readonly #hold = new Deadline(() => this.#giveUp())
  readonly #leave = new Deadline(() => this.#leaveNow())
  readonly #coming = new Deadline(() => this.#notComing())
  #pair: Pair | undefined
  #state: LinkState = 'connecting'
  #sinceMs: number
  /** How often it was joined. */
  #epoch = 0
  #isClosed = false
  /** What is for others is held; false: the time for it is over. */
  #isHolding = false
  readonly #told: ToldOnce
  /** What it goes on with when it is joined for the first time: another process may have the link still. */
  #before: MovedLink | undefined
  #mark = ''
  /** The link of the process before this one goes on here: requests wait for it, until no server is found. */
  #isComing = false
  /** Another process has the link. */
  #hasLeft = false

  /** @throws BrokerError `config.invalid` */
  constructor(options: NatsLinkOptions) {
    const { settings, bus, deadlines, nowMs, random, names, moved } = options
    this.#options = options
    this.#told = new ToldOnce(options.log)
    this.#asked = new Asked(moved)
    this.#before = moved
    this.#order = new ServerOrder(settings.servers.map(parseServerAddress), random, moved?.server)
    this.#sinceMs = nowMs()
    this.#outgoing = new Outgoing({
      names,
      asked: this.#asked,
      subjectOf: (subject) => (subject === '$CB.all' ? subject : bus.addresses.subjectOf(subject.split('.'))),
      loopback: (frame, origin, id) => this.#incoming.loopback(frame, origin, id),
      onProblem: (problem) => this.#told.tell(problem.message),
    })
    this.#voice = new Voice(this.#outgoing)
    this.#link = new BusLink(this.#outgoing, bus.interest, (bytes) => this.#gate.window(bytes), (reason) => this.#ended(reason))
    const gate = options.join(this.#link, linkDialect(() => gate.number))
    this.#gate = gate
    this.#incoming = new Incoming({
      gate,
      subjects: bus.subjects,
      interest: bus.interest,
      asked: this.#asked,
      broker: options.broker,
      timeoutMs: options.requestTimeoutMs,
      home: bus.home,
      onWord: (peer, word) => {
        this.#peers.heard(peer, word)
        // Also while it waits for others itself: who said hello may have come too late to hear this one's.
        if (word === 'hello') this.#voice.say(`$CB.bus.${peer}.here`)
      },
      decline: (reply) => this.#voice.decline(reply),
    })
    this.arrivals = new Arrivals({ incoming: this.#incoming, interest: bus.interest, inbox: this.#asked.inbox, maxBytes: Math.max(settings.holdBytes, LEAST_KEPT_BYTES), isKeeping: moved !== undefined })
    this.#search = new ServerSearch({
      servers: () => this.#order.all,
      joinAt: (server) => this.#joinAt(server),
      deadlines,
      backoffMs: options.backoffMs,
      log: options.log,
      onRefused: () => {
        this.#notComing()
        this.#enter('waiting', 'REFUSED')
      },
      onRetry: () => this.#enter('connecting', 'RETRY'),
    })
    this.#heartbeat = new Heartbeat({ deadlines, nowMs, intervalMs: settings.pingIntervalMs, isPaused: () => this.#link.isPaused })
    this.#user = new UserConnection({ users: bus.users, name: `${this.#name}-k`, version: options.version, credentialsFile: settings.credentialsFile, tls: settings.tls, pingIntervalMs: settings.pingIntervalMs, deadlines, log: options.log })
  }

  get #name(): string {
    return this.#options.settings.name ?? `callboard-${this.#options.broker}`
  }

  status(): LinkStatus {
    const server = this.#pair?.p
    return {
      state: this.#state,
      server: server?.server.text,
      serverName: server?.info.name,
      sinceMs: Math.round(this.#options.nowMs() - this.#sinceMs),
      rttMs: server?.rttMs ?? 0,
      problem: this.#search.problem,
      peers: this.#peers.size,
      strays: this.#incoming.strays,
      late: this.#incoming.late,
      unsent: this.#outgoing.unsent,
    }
  }

  /** Begins to look for a server; `mayJoin` false: not before `join()`. Whether there is one is seen later. */
  start(mayJoin: boolean): void {
    this.#isComing = !mayJoin
    this.#detach()
    if (mayJoin) this.#search.begin()
  }

  /** The process before this one does not come back: until then what comes for this broker is that one's. */
  join(): void {
    if (!this.#isComing || this.#isClosed) return
    this.#options.deadlines.set(this.#coming, COMING_MS)
    this.#search.begin()
  }

  /** What another process of this broker needs to go on with the link. From now on this one joins no server, until `goOn()`. */
  moved(): Omit<MovedLink, 'instance'> {
    const { deadlines, bus } = this.#options
    this.#search.hold()
    deadlines.cancel(this.#hold)
    const [asked, pair] = [{ inbox: this.#asked.inbox, asked: [...this.#asked] }, this.#pair]
    // Of a link that is not joined nobody beyond has name and mark; what it had is known, and would make what comes by the next one late.
    return pair === undefined ? { ...asked, only: '', mark: '' } : { ...asked, only: bus.interest.only, mark: this.#mark, server: pair.p.server.text }
  }

  /** What was kept is handled, and what comes. */
  goOn(): void {
    this.#tellLost(this.arrivals.goOn())
    const { deadlines, settings } = this.#options
    if (this.#search.isHeld && this.#pair === undefined && this.#isHolding && !this.#isClosed) deadlines.set(this.#hold, settings.holdMs)
    this.#search.goOn(this.#pair !== undefined)
  }

  /** Another process has the link: nothing more is sent by this one, and what was kept and what comes goes there, until `letGo()`. */
  leave(forward: Forward): void {
    this.#hasLeft = true
    this.#search.hold()
    this.#options.bus.interest.freeze()
    this.#link.finish(() => {})
    this.arrivals.forwardTo(forward)
  }

  /** The other process is joined: nothing is wanted here any more. Resolves when all that came was passed on, and the link is closed. */
  async letGo(): Promise<void> {
    const pair = this.#pair
    if (pair !== undefined) {
      this.#options.bus.interest.leave()
      await settled(pair, ENTRY_MS).catch(() => {})
    }
    this.#tellLost(await this.arrivals.passedOn(PASS_MS))
    await this.close()
  }

  /** What waits leaves, as far as it can within two seconds. */
  async drain(): Promise<void> {
    const pair = this.#pair
    if (pair === undefined) return
    const untilMs = this.#options.nowMs() + DRAIN_MS
    this.#voice.say('$CB.bus.bye')
    this.#options.bus.interest.detach()
    while (this.#pair === pair && this.#gate.pending.messages > 0) {
      const leftMs = untilMs - this.#options.nowMs()
      if (leftMs <= 0) return
      await settled(pair, leftMs).catch(() => {})
    }
  }

  /** Ends it, and its connection in the pipeline. Resolves when nothing of it is open any more. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const { deadlines, bus } = this.#options
    this.#search.close()
    deadlines.cancel(this.#hold)
    deadlines.cancel(this.#leave)
    deadlines.cancel(this.#coming)
    const pair = this.#pair
    this.#pair = undefined
    this.#heartbeat.stop()
    bus.interest.detach()
    bus.set(undefined, 'alone')
    this.#gate.down(0)
    this.#gate.giveUp()
    this.#link.use(undefined, undefined)
    this.#link.destroy()
    await Promise.all([this.#user.lost(), pair?.p.close(), pair?.q.close()])
  }

  async #joinAt(server: ServerAddress): Promise<void> {
    const { settings, version, maxMessageBytes, bus } = this.#options
    const authenticator = await readCredentials(settings.credentialsFile)
    const pair = await openPair({ server, tls: settings.tls, name: this.#name, version, maxMessageBytes, timeoutMs: ENTRY_MS }, authenticator)
    try {
      this.#mustGoOn(pair)
      this.#listen(pair)
      // From here on members of groups get what the servers choose for them, and must not be chosen here besides.
      this.#setState('joining')
      bus.interest.attach(pair.p, pair.q, this.#asked.inbox, this.#before?.only || undefined)
      await settled(pair, ENTRY_MS)
      this.#mustGoOn(pair)
      this.#newEpoch()
      this.#voice.use(pair.p)
      this.#voice.say('$CB.bus.hello')
      await this.#peers.gathered(GATHER_MS)
      this.#mustGoOn(pair)
    } catch (error) {
      bus.interest.detach()
      endPair(pair, BrokerError.from(error))
      // Whoever was heard by it may be away again as well.
      this.#peers.lost()
      if (!this.#isComing) this.#notUp()
      throw error
    }
    this.#joined(pair)
  }

  #mustGoOn({ p, q }: Pair): void {
    if (this.#search.isHeld) throw new BrokerError('bus.unreachable', { server: p.server.text, problem: 'another process of this broker takes the link over' })
    if (this.#isClosed || p.isClosed || q.isClosed) throw new BrokerError('bus.unreachable', { server: p.server.text, problem: 'it closed the connection' })
  }

  // Nobody waits for it any more, unless a server has let it in and is told what is wanted.
  #notComing(): void {
    if (!this.#isComing) return
    const { deadlines, settings, bus } = this.#options
    this.#isComing = false
    deadlines.set(this.#hold, settings.holdMs)
    if (!bus.interest.isAttached) this.#notUp()
  }

  #notUp(): void {
    if (!this.#isClosed) this.#setState(this.#isHolding ? 'holding' : 'alone')
    this.#gate.notUp()
  }

  #listen(pair: Pair): void {
    for (const client of [pair.p, pair.q]) {
      client.events = {
        message: (...message) => this.arrivals.came(client === pair.q, ...message),
        tooLarge: (_, subject, bytes) => this.#told.tell(`a message on ${subject} with ${bytes} bytes was passed by: ipc.performance.maxMessageSize is ${this.#options.maxMessageBytes}`),
        refused: (text) => this.#refused(client, text),
        leaving: () => this.#leaveInOrder(),
        closed: (problem) => this.#lost(pair, problem),
      }
    }
  }

  // The text names the subject and not the message, whose write the server confirms all the same.
  #refused({ server }: NatsClient, text: string): void {
    if (PUBLISH_REFUSED.test(text)) this.#outgoing.unsent++
    this.#told.tell(`${server.text}: ${text}`)
  }

  #joined(pair: Pair): void {
    const { bus, deadlines, log } = this.#options
    this.#pair = pair
    this.#before = undefined
    this.#isComing = false
    this.#search.joined()
    deadlines.cancel(this.#hold)
    deadlines.cancel(this.#coming)
    this.#link.use(pair.p, pair.q)
    bus.set(this.#gate, 'joined')
    this.#enter('joined', 'JOINED')
    this.#gate.up(pair.p.info.maxPayloadBytes)
    this.#heartbeat.start([pair.p, pair.q])
    this.#user.joined(pair.p)
    log.info({ server: pair.p.server.text, name: pair.p.info.name, version: pair.p.info.version }, 'joined a NATS server')
  }

  #newEpoch(): void {
    this.#mark = this.#before?.mark || epochMark(this.#options.broker, this.#options.incarnation, ++this.#epoch)
    this.#outgoing.mark(this.#mark)
    this.#incoming.joined(this.#mark)
  }

  #lost(pair: Pair, problem: BrokerError): void {
    endPair(pair, problem)
    if (pair !== this.#pair) return
    const { log } = this.#options
    this.#pair = undefined
    const isShort = this.#options.nowMs() - this.#sinceMs < SHORT_STAY_MS
    this.#order.lost(pair.p.server)
    this.#peers.lost()
    this.#enter('connecting', 'LOST')
    if (this.#hasLeft) return void this.close()
    log.warn({ server: pair.p.server.text }, problem.message)
    this.#detach()
    this.#search.lost(problem.message, isShort)
  }

  // What was on its way when the link broke is not known to have arrived; what comes from now on waits.
  #detach(): void {
    const { bus, settings, deadlines } = this.#options
    this.#heartbeat.stop()
    deadlines.cancel(this.#leave)
    void this.#user.lost()
    bus.interest.detach()
    const wasSent = !this.#link.isParked
    this.#link.use(undefined, undefined)
    this.#isHolding = true
    this.#gate.down(settings.holdBytes, wasSent)
    this.#setState(this.#isComing ? 'joining' : 'holding')
    if (!this.#isComing && !this.#search.isHeld) deadlines.set(this.#hold, settings.holdMs)
  }

  #giveUp(): void {
    this.#isHolding = false
    this.#gate.giveUp()
    if (this.#options.bus.state === 'holding') this.#setState('alone')
  }

  #setState(state: BusState): void {
    this.#options.bus.set(this.#gate, state)
    this.#gate.routesChanged()
  }

  // Between two writes nothing is lost by leaving.
  #leaveInOrder(): void {
    if (this.#order.all.length === 1 || this.#leave.isSet || this.#pair === undefined) return
    this.#options.deadlines.set(this.#leave, MAX_LEAVING_MS)
    this.#link.finish(() => this.#leaveNow())
  }

  #leaveNow(): void {
    const pair = this.#pair
    if (pair !== undefined) this.#lost(pair, new BrokerError('bus.unreachable', { server: pair.p.server.text, problem: 'the server is about to stop, and asked to be left' }))
  }

  #ended(reason: BrokerError | undefined): void {
    if (!this.#isClosed) this.#options.onEnded(reason ?? new BrokerError('connection.closed'))
  }

  #enter(state: LinkState, edge: LinkEdge): void {
    this.#state = state
    this.#sinceMs = this.#options.nowMs()
    this.#options.onEdge(edge)
  }

  #tellLost(count: number): void {
    if (count > 0) this.#told.tell(`${count} messages came while another process took over, and there was no room for them`)
  }
}
