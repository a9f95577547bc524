// Makes way for another process of this broker, step by step. Until the other one serves every step can be taken back.
//
//   start it ─ ready ─▶ accept nobody ─▶ tell clients ─▶ read nobody ─▶ hold ─▶ let go of audit log and store ─▶ hand over
//                                                                                     ┌─ serving ─▶ leave
//                                                                                     └─ anything else ─▶ take all back, go on

import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from '../../broker/connection.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { HandedOver } from '../../broker/ground/handover.ts'
import type { HomeLock } from '../../broker/ground/home-lock.ts'
import { storesAnswer } from '../../broker/last-receipts.ts'
import type { Pipeline } from '../../broker/pipeline.ts'
import type { Service } from '../../broker/service.ts'
import type { ListeningSockets } from '../../transports/listening-sockets.ts'
import type { Environment } from '../behaviour.ts'
import type { JoinedBus } from '../joined-bus.ts'
import { waitUntil } from '../wait-until.ts'
import { Successor } from './successor.ts'
import { Undo } from './undo.ts'

export interface UpgradeParts {
  readonly pipeline: Pipeline
  readonly service: Service
  /** undefined: it has joined no others. */
  readonly bus: JoinedBus | undefined
  readonly sockets: ListeningSockets
  readonly lock: HomeLock
  readonly environment: Environment
  readonly isForeground: boolean
  /** Credentials of agents that run, by their ids. */
  readonly agentTokens: () => ReadonlyMap<string, string>
  /** Lets go of files that one process alone may write. */
  readonly suspendFiles: () => Promise<void>
  /** Has them again; agents that the other process has started are ended before that. */
  readonly resumeFiles: () => Promise<void>
}

/** What an upgrade came to. */
export interface Upgraded {
  readonly successor: Successor
  readonly version: string
  readonly sessions: number
  /** Agents whose sessions went with it. */
  readonly agents: ReadonlySet<string>
  /** How long nobody was served. ms */
  readonly pauseMs: number
}

/** Time that the other process has to load and check everything. ms */
const READY_MS = 60_000
/** Time that it has to serve, once all is handed over. ms */
const SERVING_MS = 30_000
/** Time for clients to say who they are that had just come, and for all to hear of the move. ms */
const ACCEPTED_MS = 20
const HANDSHAKES_MS = 1000
const TOLD_MS = 2000
/** Time for the broker's own methods to answer, and for stores to take what was accepted. ms */
const ANSWERS_MS = 1000
const RECEIPTS_MS = 5000
/** Time for requests whose answers the other process could not pass on. ms */
const DRAIN_MS = 5000

/**
 * Starts `command` and hands over to it; `asker`, who waits for the answer, stays here.
 * @throws BrokerError `upgrade.failed`, `upgrade.unsupported`; the broker goes on as if nothing had happened
 */
export async function upgrade(parts: UpgradeParts, command: readonly string[], asker: Connection | undefined): Promise<Upgraded> {
  const { sockets, isForeground, environment: { log } } = parts
  const successor = new Successor({ command, sockets: sockets.descriptors, isForeground })
  try {
    const { version } = await successor.hears('ready', READY_MS)
    log.info({ pid: successor.process.pid, version }, 'the next broker is ready; handing over')
    const startedMs = performance.now()
    const { sessions } = await handOver(parts, successor, asker)
    const agents = new Set(sessions.flatMap(({ agent }) => agent ?? []))
    return { successor, version, sessions: sessions.length, agents, pauseMs: Math.round(performance.now() - startedMs) }
  } catch (error) {
    await successor.kill()
    throw BrokerError.from(error)
  }
}

async function handOver(parts: UpgradeParts, successor: Successor, asker: Connection | undefined): Promise<HandedOver> {
  const { pipeline, service, bus, sockets, lock, environment: { log } } = parts
  const { core, departing } = pipeline
  if (!sockets.suspend()) throw new BrokerError('upgrade.unsupported', { problem: 'this system duplicates no descriptors for it' })
  const undo = new Undo(log)
  undo.add('sockets', () => sockets.resume())
  try {
    undo.add('link to other brokers', () => bus?.goOn())
    undo.add('links', () => pipeline.standstill.end())
    undo.add('sessions', () => departing.goOn())
    await standStill(parts, asker)
    const state = departing.hold([...service.unanswered].filter(({ connection }) => connection !== asker), bus?.hold())
    undo.add('store', () => core.queues.keeper?.resume())
    await core.queues.keeper?.suspend(new BrokerError('connection.moving'))
    undo.add('files', () => parts.resumeFiles())
    await parts.suspendFiles()
    undo.add('lock', () => lock.retake())
    successor.tell({ type: 'take', state, agentTokens: parts.agentTokens() })
    await successor.hears('serving', SERVING_MS)
    successor.served()
    sockets.leave()
    bus?.leave((arrivals) => successor.pass({ type: 'arrived', arrivals }))
    departing.leave()
    pipeline.standstill.leave()
    successor.tell({ type: 'taken' })
    // Those who do not move are told as at a stop, but for whoever waits for the answer.
    void pipeline.lameDuck.begin(0)
    for (const connection of core.directory.all()) if (connection !== asker && connection !== core.busConnection) core.end(connection, new BrokerError('connection.draining'))
    return state
  } catch (error) {
    log.error({ err: BrokerError.from(error) }, 'the next broker did not take over; this one goes on')
    await successor.kill()
    await undo.run()
    throw error
  }
}

// Nobody new, and of those who are here all that can be finished is.
async function standStill({ pipeline, service, bus, environment }: UpgradeParts, asker: Connection | undefined): Promise<void> {
  const { core, departing } = pipeline
  const until = (limitMs: number, is: () => boolean): Promise<boolean> => waitUntil(is, limitMs, environment)
  // Who was accepted in this moment is still on the way in.
  await delay(ACCEPTED_MS)
  await until(HANDSHAKES_MS, () => pipeline.unadmitted === 0)
  departing.tell(asker)
  await departing.known(TOLD_MS)
  await until(DRAIN_MS, () => !departing.hasForeignRequests)
  pipeline.standstill.begin(core.busConnection)
  bus?.keep()
  await until(ANSWERS_MS, () => [...service.unanswered].every(({ connection }) => connection === asker))
  const [isStored] = await Promise.all([storesAnswer(core, RECEIPTS_MS), until(RECEIPTS_MS, () => core.unanswered.size === 0)])
  // What is on its way to other brokers is there before anything of the other process is.
  await until(ANSWERS_MS, () => core.busConnection?.isReady !== true || core.busConnection.outbound.unwritten.slices.length === 0)
  if (isStored) return
  // Who published would never hear of it: not from here, where nobody writes any more, and not from there.
  throw new BrokerError('upgrade.failed', { problem: `the store has not answered within ${RECEIPTS_MS} ms what was published to queues` })
}
