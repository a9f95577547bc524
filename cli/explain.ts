// Says what to do about an error of the broker or the system, and which exit code it has.

import { BrokerError, type ErrorCode } from '../broker/ground/errors.ts'
import { Exit, Failure } from './failure.ts'

// Where the table's own remedy (after the semicolon of its text) is not what somebody at a shell needs.
const hints: Partial<Record<ErrorCode, string>> = {
  'auth.failed': 'the token must be that of the home the broker runs in: check --home, CALLBOARD_HOME and CALLBOARD_TOKEN, then callboard doctor',
  'auth.required': 'run it as the user who owns the home, or name the home with --home',
  'auth.peer_uid': 'run it as the user who started the broker',
  'auth.process_not_allowed': 'add the program to ipc.security.processes and ipc.security.allowedProcesses in the config, then: callboard restart',
  'channel.exists': 'callboard ipc channel list shows what there is',
  'channel.direction': 'clients read this channel; publish to a channel of your own: callboard ipc channel create --name NAME',
  'connect.timeout': 'the broker or this machine is busy (callboard logs says with what): try again, or give it more time with CALLBOARD_CONNECT_TIMEOUT_MS=30000',
  'connection.lost': 'see whether the broker still runs: callboard status',
  'connection.draining': 'the broker is stopping; start it again with: callboard start',
  'frame.too_large': 'raise ipc.performance.maxMessageSize in the config, or split the message',
  'permission.denied': 'callboard ipc connections shows your principal; its patterns are in principals of the config',
  'queue.full': 'callboard queue status shows what waits; consume faster, raise --max-size when the channel is made, or see dead letters: callboard queue status --dead-letter',
  'queue.not_empty': 'callboard queue consume or purge NAME; with --force the channel goes with all that its queue holds',
  'queue.not_a_queue': 'callboard queue ls shows the queues',
  'request.no_responders': 'callboard agents shows which agents run, callboard ipc connections who is connected',
  'request.timeout': 'raise --timeout, or see whether the one who answers is well: callboard agents',
  'store.damaged': 'see what is damaged: callboard queue verify',
  'store.failed': 'callboard doctor and callboard logs --level warn say more',
  'store.no_space': 'callboard doctor shows where how much is free',
  'store.unavailable': 'callboard doctor shows whether the server of the store answers',
  'filter.invalid': 'a filter looks like: type=status && payload.cpu.load>0.9',
}

const exitCodes: Partial<Record<ErrorCode, number>> = {
  'broker.held': Exit.held,
  'home.copied': Exit.held,
  'watchdog.running': Exit.held,
  'config.invalid': Exit.usage,
  'home.unusable': Exit.usage,
  'filter.invalid': Exit.usage,
  'pattern.invalid': Exit.usage,
  'subject.invalid': Exit.usage,
  'client.aborted': Exit.interrupted,
}

/** The failure for anything that was thrown. */
export function explain(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown
  const error = BrokerError.from(thrown)
  const text = error.message.startsWith(`${error.code}: `) ? error.message.slice(error.code.length + 2) : error.message
  // Texts of the table read "what happened; what to change".
  const cut = text.indexOf('; ')
  const remedy = cut < 0 ? undefined : text.slice(cut + 2)
  const message = cut < 0 || error.code === 'config.invalid' ? text : text.slice(0, cut)
  return new Failure(
    { code: error.code, message: `${message} (${error.code})`, hint: hints[error.code] ?? (message === text ? undefined : remedy), exitCode: exitCodes[error.code] ?? Exit.failed, details: error.details },
    { cause: thrown },
  )
}
