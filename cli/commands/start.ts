// `callboard start`: runs the broker in this process, or in the background.

import { flushCompileCache } from 'node:module'
import { resolve } from 'node:path'
import { styleText } from 'node:util'
import { aliveLine } from '../../broker/ground/alive-line.ts'
import type { ActorInfo } from '../../broker/ground/types.ts'
import type { Broker } from '../../index.ts'
import { startProblemOf } from '../agent-view.ts'
import type { StartReport } from '../background.ts'
import { startWords } from '../broker-words.ts'
import type { Context } from '../context.ts'
import { Exit } from '../failure.ts'
import { note, print, printJson } from '../output.ts'
import { endWith, legacyOfThisProcess, tellFailure } from '../successor.ts'
import { onStopSignals } from '../stop-signals.ts'

interface StartOptions {
  readonly detach?: true
  readonly config?: string
  readonly watchdog?: true
  readonly watchdogHang: number
  readonly watchdogDeaths: number
}

/**
 * When what was compiled is kept for the next start: after the first rush, as it takes some 0.4 s, once for each version. Node does it when a process
 * ends in order; a broker that is killed would take 1.1 s of processor time to start again instead of 0.4. ms
 */
const SETTLED_MS = 2000

export async function start(context: Context, options: StartOptions): Promise<void> {
  const config = options.config === undefined ? undefined : resolve(options.config)
  if (options.detach) {
    const { startInBackground } = await import('../background.ts')
    return printStarted(context, await startInBackground(context, config, options.watchdog && options), true)
  }
  if (options.watchdog) return (await import('../watch.ts')).becomeWatchdog(context, config, options)
  await runBroker(context, config, options)
}

async function runBroker(context: Context, config: string | undefined, options: StartOptions): Promise<void> {
  const legacy = legacyOfThisProcess()
  try {
    await serve(context, config, options, legacy)
  } catch (error) {
    if (legacy !== undefined) await tellFailure(error)
    throw error
  }
}

async function serve(context: Context, config: string | undefined, { watchdogHang, watchdogDeaths }: StartOptions, legacy: { readonly isForeground: boolean } | undefined): Promise<void> {
  const alive = aliveLine()
  void alive?.lost.then(() => note('the watchdog is gone; the broker goes on, and nobody starts it again'))
  // Those at the end too: from the moment in which it serves, signals are heard.
  const [{ loadConfigOf }, { createBroker }, { ServiceStatus }, { readStartRecord, writeStartRecord }, { hasTerminal, reloadConfig }] = await Promise.all([import('../../config/load.ts'), import('../../index.ts'), import('../service-status.ts'), import('../start-record.ts'), import('../reload.ts')])
  const service = new ServiceStatus()
  const { settings, directory, file, warnings } = await loadConfigOf({ home: context.paths.home, file: config })
  for (const warning of warnings) note(`${styleText('yellow', 'warning:', { stream: process.stderr })} ${warning}`)
  // A shell, or whoever else started it and waits for its end; not where it was started in the background, or a watchdog looks after all of them.
  const isForeground = legacy === undefined ? process.send === undefined && alive === undefined : legacy.isForeground
  const words = startWords(context.paths.home, config, alive && { watchdogHang, watchdogDeaths })
  const succession = { program: [process.execPath, ...process.execArgv, process.argv[1]!], words, isForeground }
  const broker = await createBroker({ home: context.paths.home, settings, configDirectory: directory, ...(file !== undefined && { configFile: file }), succession })
  // Of a successor systemd knows the process that it took over from.
  const isService = service.isService || (legacy !== undefined && readStartRecord(context.paths).isService === true)
  writeStartRecord(context.paths, { config, ...(isService && { isService }), ...(alive !== undefined && { watchdog: { watchdogHang, watchdogDeaths } }) })
  onStopSignals({
    stop() {
      service.stopping()
      note('stopping: finishing what was accepted; Ctrl-C again ends at once')
      void broker.stop()
    },
    end: () => process.exit(Exit.interrupted),
    ...(!hasTerminal() && { reload: () => void (broker.successor?.kill('SIGHUP') ?? reloadConfig(broker, config)) }),
  })
  const started: StartReport = { pid: broker.pid, home: broker.home, socket: broker.socketPath, gateway: broker.gatewayAddress, gatewayProblem: broker.gatewayProblem, nats: broker.natsAddress, natsProblem: broker.natsProblem, grpc: broker.grpcAddress, grpcSocket: broker.grpcSocketPath, agents: agentsOf(broker) }
  service.serving(`serves at ${broker.socketPath}`)
  alive?.serving([process.execPath, ...process.execArgv, process.argv[1]!])
  // The command that started this one in the background waits for it.
  if (legacy === undefined) process.send?.(started)
  await printStarted(context, started, false)
  setTimeout(flushCompileCache, SETTLED_MS).unref()
  const reason = await broker.exited
  if (broker.successor !== undefined) {
    if (reason.kind === 'crash') note(`the process that made way did not end in order: ${reason.error.message}`)
    if (isForeground) return endWith(broker.successor)
    broker.leaveSuccessor()
    process.exit(Exit.ok)
  }
  if (reason.kind === 'crash') throw reason.error
  service.ended()
  await alive?.ended(Exit.ok)
  process.exit(Exit.ok)
}

function agentsOf(broker: Broker): StartReport['agents'] {
  const problems = new Map(broker.agents().map(agent => [agent.name, startProblemOf(agent)]))
  return agentsBelow(broker.tree()).map(agent => ({ ...agent, problem: problems.get(agent.name) }))
}

function agentsBelow(actor: ActorInfo): StartReport['agents'] {
  return actor.kind === 'agent' ? [{ name: actor.id.replace(/^agent\./, ''), phase: actor.phase }] : actor.children.flatMap(agentsBelow)
}

/** Says where the broker listens and how to go on from here. */
export async function printStarted(context: Context, started: StartReport, isDetached: boolean): Promise<void> {
  if (context.isJson) return printJson(started)
  await print(`callboard listens at ${started.socket} (pid ${started.pid})`)
  const width = Math.max(0, ...started.agents.map(agent => agent.name.length))
  if (started.gateway !== undefined) await print(`  gateway at ${started.gateway}`)
  if (started.gatewayProblem !== undefined) await print(`  no gateway: ${started.gatewayProblem}`)
  if (started.nats !== undefined) await print(`  NATS at ${started.nats}`)
  if (started.natsProblem !== undefined) await print(`  no NATS port: ${started.natsProblem}`)
  if (started.grpcSocket !== undefined) await print(`  gRPC at ${started.grpc === undefined ? '' : `${started.grpc} and `}unix:${started.grpcSocket}`)
  for (const agent of started.agents) await print(`  agent ${agent.name.padEnd(width)}  ${agent.problem ?? agent.phase}`)
  await print('talk to it   callboard ipc send --message \'{"action":"status"}\' --wait')
  await print('look inside  callboard status, callboard tree')
  await print(`stop it      ${isDetached ? 'callboard stop' : 'Ctrl-C'}`)
}
