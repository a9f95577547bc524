// Every error that Callboard names, with what it tells the other end.
//
// Codes are `area.reason`. `close` is the number n in WebSocket close code 4000+n and in the `goodbye`
// frame: once given it is never given to another code, and rows are never removed.

interface ErrorEntry {
  /** What happened, with {placeholders} filled from the error's details. */
  readonly text: string
  /** The same call may succeed later without change. */
  readonly retryable: boolean
  /** Stable number on the wire, 1..999. */
  readonly close: number
}

const table = {
  'frame.bad_preamble': { close: 1, retryable: false, text: 'expected 0x00 (native frames) or "{" (JSON lines) as the first byte, got {actual}; check that the client speaks Callboard' },
  'frame.malformed': { close: 2, retryable: false, text: 'the frame is not valid: {problem}; see docs/protocol.md' },
  'frame.too_large': { close: 3, retryable: false, text: 'frame of {actualBytes} bytes exceeds the limit of {limitBytes}; raise ipc.performance.maxMessageSize or split the payload' },
  'frame.unsupported': { close: 4, retryable: false, text: '{feature} is not supported by this broker; send the frame without it' },
  'frame.id_order': { close: 5, retryable: false, text: 'frame id {actual} must be greater than {previous}, the last one of this connection, and at most 2^53-1' },
  'envelope.malformed': { close: 6, retryable: false, text: 'the envelope is not valid: {problem}' },
  'envelope.sender_mismatch': { close: 7, retryable: false, text: 'sender "{actual}" is not this connection, which is "{expected}"; leave the sender out or use that name' },
  'payload.not_json': { close: 8, retryable: false, text: 'the payload cannot be shown as JSON: {problem}' },
  'subject.invalid': { close: 9, retryable: false, text: 'subject "{subject}" is not valid: {problem}' },
  'pattern.invalid': { close: 10, retryable: false, text: 'pattern "{pattern}" is not valid: {problem}' },
  'filter.invalid': { close: 11, retryable: false, text: 'filter "{filter}" is not valid: {problem}' },
  'handshake.expected': { close: 12, retryable: false, text: 'expected {expected} before anything else, got {actual}' },
  'handshake.timeout': { close: 13, retryable: true, text: 'the handshake was not complete after {limitMs} ms' },
  'handshake.version': { close: 14, retryable: false, text: 'the client speaks protocol {min}..{max}, the broker {brokerMin}..{brokerMax}; upgrade the older side' },
  'auth.required': { close: 15, retryable: false, text: 'authentication is required; send the token of the broker\'s home ($CALLBOARD_HOME/token) or answer the challenge with it' },
  'auth.failed': { close: 16, retryable: false, text: 'the credentials of principal "{principal}" do not match; check the token file of the broker\'s home' },
  'auth.replayed': { close: 17, retryable: false, text: 'this proof was already used; ask for a new challenge' },
  'auth.expired': { close: 18, retryable: true, text: 'the challenge is older than {limitMs} ms; ask for a new one' },
  'auth.peer_uid': { close: 19, retryable: false, text: 'the peer runs as uid {actual}, the broker accepts uid {expected}' },
  'auth.process_not_allowed': { close: 20, retryable: false, text: 'process {pid} runs {executable}, which ipc.security.allowedProcesses does not name' },
  'auth.signature_missing': { close: 21, retryable: false, text: 'ipc.security.validateSignature is on and the message carries no signature' },
  'auth.signature_invalid': { close: 22, retryable: false, text: 'the signature does not match the message' },
  'permission.denied': { close: 23, retryable: false, text: '"{principal}" may not {action} "{subject}"; see principals in the config' },
  'channel.not_found': { close: 24, retryable: false, text: 'no channel "{channel}"; create it with: callboard ipc channel create --name {channel}' },
  'channel.exists': { close: 25, retryable: false, text: 'channel "{channel}" exists already' },
  'channel.direction': { close: 26, retryable: false, text: 'channel "{channel}" is for subscribing only: role {role} may not publish to it' },
  'channel.predefined': { close: 27, retryable: false, text: 'channel "{channel}" is predefined and cannot be {action}' },
  'channel.invalid': { close: 28, retryable: false, text: 'the channel is not valid: {problem}' },
  'subscription.unknown': { close: 29, retryable: false, text: 'this connection has no subscription {subscription}' },
  'subscription.exists': { close: 30, retryable: false, text: 'this connection has a subscription {subscription} already' },
  'subscription.limit': { close: 31, retryable: false, text: 'this connection has {limit} subscriptions, the most it may have' },
  'request.no_responders': { close: 32, retryable: true, text: 'nobody answers requests on "{subject}"' },
  'request.timeout': { close: 33, retryable: true, text: 'no answer on "{subject}" within {limitMs} ms' },
  'request.responder_gone': { close: 34, retryable: true, text: 'the responder left before it answered on "{subject}"' },
  'request.not_open': { close: 35, retryable: false, text: 'no open request {ref} of origin {to} waits for this connection: answered, cancelled, timed out, or never made' },
  'request.limit': { close: 36, retryable: true, text: 'this connection has {limit} open requests, the most it may have' },
  'request.cancelled': { close: 37, retryable: false, text: 'the requester cancelled' },
  'request.failed': { close: 38, retryable: false, text: '{message}' },
  'method.unknown': { close: 39, retryable: false, text: 'no method "{method}"{suggestion}' },
  'method.bad_params': { close: 40, retryable: false, text: '{method}: {problem}' },
  'session.taken_over': { close: 41, retryable: false, text: 'client id "{client}" connected again and took this session over' },
  'session.id_taken': { close: 42, retryable: false, text: 'client id "{client}" belongs to another principal; choose another' },
  'connection.slow_consumer': { close: 43, retryable: true, text: '{pendingBytes} bytes waited for this connection (limit {limitBytes}) and it did not read for {stalledMs} ms' },
  'connection.stale': { close: 44, retryable: true, text: 'nothing came from the connection for {silentMs} ms' },
  'connection.limit': { close: 45, retryable: true, text: 'the broker has {limit} connections, the most it may have (ipc.server.maxConnections)' },
  'connection.draining': { close: 46, retryable: true, text: 'the broker is shutting down' },
  'connection.closed': { close: 47, retryable: true, text: 'the connection is closed' },
  'connection.lost': { close: 48, retryable: true, text: 'the connection was lost: {problem}' },
  'connection.killed': { close: 49, retryable: true, text: 'the connection was ended by the operator' },
  'connect.no_socket': { close: 50, retryable: true, text: 'no socket at {path}; start the broker with: callboard start' },
  'connect.refused': { close: 51, retryable: true, text: 'nobody listens at {path}; start the broker with: callboard start' },
  'connect.forbidden': { close: 52, retryable: false, text: 'no permission to open {path}; check its mode (0600) and owner' },
  'connect.timeout': { close: 53, retryable: true, text: 'no connection within {limitMs} ms; raise the time-out or check the broker\'s load' },
  'client.offline_full': { close: 54, retryable: true, text: '{limit} messages wait for the connection already; wait or raise offlineLimit' },
  'client.closed': { close: 55, retryable: false, text: 'the client is closed' },
  'client.aborted': { close: 56, retryable: false, text: 'aborted by the caller' },
  'broker.held': { close: 57, retryable: false, text: 'the home {home} is held by process {pid}; stop it with: callboard stop' },
  'broker.not_running': { close: 58, retryable: true, text: 'no broker runs in {home}; start it with: callboard start' },
  'listener.failed': { close: 59, retryable: true, text: 'cannot listen at {path}: {problem}' },
  'config.invalid': { close: 60, retryable: false, text: '{problem}' },
  'agent.unknown': { close: 61, retryable: false, text: 'no agent "{agent}"{suggestion}' },
  'agent.failed': { close: 62, retryable: true, text: 'agent "{agent}" {problem}' },
  'supervisor.bad_child_spec': { close: 63, retryable: false, text: 'child spec "{child}": {problem}' },
  'supervisor.intensity': { close: 64, retryable: false, text: 'supervisor "{supervisor}" saw more than {intensity} restarts in {periodMs} ms' },
  'actor.start_timeout': { close: 65, retryable: true, text: 'actor "{actor}" did not reach run within {limitMs} ms' },
  'actor.killed': { close: 66, retryable: true, text: 'actor "{actor}" did not stop within {limitMs} ms and was killed' },
  'internal.error': { close: 67, retryable: true, text: 'internal error: {problem}' },
  'payload.malformed': { close: 68, retryable: false, text: 'the payload is not valid {kind}: {problem}' },
  'payload.not_encodable': { close: 69, retryable: false, text: 'the payload cannot be written as MessagePack: {problem}' },
  'home.unusable': { close: 70, retryable: false, text: 'the home {home} cannot be used: {problem}' },
  'supervisor.unknown_child': { close: 71, retryable: false, text: 'supervisor "{supervisor}" has no child "{child}"' },
  'supervisor.child_busy': { close: 72, retryable: true, text: 'child "{child}" is {state}; stop it first' },
  'actor.ended': { close: 73, retryable: false, text: 'actor "{actor}" has ended or is about to' },
  'websocket.protocol': { close: 74, retryable: false, text: 'what came is no WebSocket frame by RFC 6455: {problem}' },
  'websocket.invalid_data': { close: 75, retryable: false, text: 'the WebSocket message holds {problem}' },
  'websocket.too_large': { close: 76, retryable: false, text: 'the WebSocket message has more than {limitBytes} bytes; send less in one message, or raise ipc.performance.maxMessageSize' },
  'gateway.forbidden': { close: 77, retryable: false, text: '{problem}; see {key} in the config' },
  'gateway.bad_request': { close: 78, retryable: false, text: '{problem}' },
  'gateway.socket_limit': { close: 79, retryable: true, text: 'the gateway has {limit} sockets {whose}, the most it may have ({key})' },
  'session.expired': { close: 80, retryable: true, text: 'the session had no link for {limitMs} ms, the longest time for which it waits' },
  'flow.no_credit': { close: 81, retryable: true, text: '{actualBytes} bytes on "{subject}" exceed the credit of {creditBytes}; wait for credit frames' },
  'connect.bad_params': { close: 85, retryable: false, text: 'connect is not valid: {problem}; see docs/protocol.md' },
  'request.id_open': { close: 86, retryable: false, text: 'the request with id "{id}" is still open; give each request an id of its own until it is answered' },
  'order.bad_key': { close: 87, retryable: false, text: 'the session key is not valid: {problem}; expected agent:<agent>:<channel>:<kind>:<peer>' },
  'order.limit': { close: 88, retryable: true, text: '{waiting} requests wait for their turn {scope} (limit {limit}); wait for answers' },
  'connect.websocket': { close: 96, retryable: true, text: 'no WebSocket connection to {url}: {problem}' },
  'client.unread_full': { close: 97, retryable: true, text: '{unreadBytes} bytes came while this client did not read (limit {limitBytes}), and a WebSocket cannot be paused; read faster, or take less' },
  'telemetry.headers': { close: 93, retryable: false, text: 'the headers in {path} cannot be used: {problem}; write one "name: value" on each line' },
  'nats.malformed': { close: 110, retryable: false, text: 'what came is not the NATS protocol: {problem}' },
  'nats.max_payload': { close: 111, retryable: false, text: 'the payload of {actualBytes} bytes exceeds max_payload, {limitBytes}; split it, or raise nats.maxPayload' },
  'tls.required': { close: 120, retryable: false, text: 'the client goes on in the clear where TLS is required; connect with TLS' },
  'tls.handshake_timeout': { close: 121, retryable: true, text: 'the TLS handshake was not complete after {limitMs} ms' },
  'nats.max_control_line': { close: 112, retryable: false, text: 'a line of the NATS protocol has more than {limitBytes} bytes; raise nats.maxControlLine' },
  'auth.account_expired': { close: 135, retryable: false, text: 'the account of principal "{principal}" has expired' },
  'auth.credential_expired': { close: 115, retryable: false, text: 'the credential of principal "{principal}" has expired' },
  'nats.no_headers': { close: 116, retryable: false, text: 'CONNECT asks for no_responders without headers; set headers too' },
  'bus.unreachable': { close: 125, retryable: true, text: 'no link to the NATS server {server}: {problem}' },
  'bus.protocol': { close: 126, retryable: true, text: 'the NATS server {server} does not keep to its protocol: {problem}' },
  'bus.refused': { close: 127, retryable: true, text: 'the NATS server {server} refuses: {problem}' },
  'bus.stale': { close: 128, retryable: true, text: 'the NATS server {server} did not answer for {silentMs} ms' },
  'bus.down': { close: 129, retryable: true, text: 'nobody here answers requests on "{subject}", and no NATS server is there to ask others' },
  'bus.no_bucket': { close: 130, retryable: true, text: 'the bucket {bucket} of the NATS servers cannot be used: {problem}' },
  'lease.invalid': { close: 131, retryable: false, text: 'the lease "{lease}" is not valid: {problem}' },
  'lease.unavailable': { close: 132, retryable: true, text: 'nobody can say who has the lease "{lease}": {problem}' },
  'lease.lost': { close: 133, retryable: true, text: 'the lease "{lease}" is lost: {problem}' },
  'queue.disabled': { close: 140, retryable: false, text: 'channel "{channel}" has mode queue, and queue.enabled is false; enable it, or choose pubsub or broadcast' },
  'queue.not_a_queue': { close: 141, retryable: false, text: 'channel "{channel}" has mode {mode}, not queue; only queues are consumed, settled and inspected' },
  'queue.full': { close: 142, retryable: true, text: 'queue "{queue}" is full: {messages} messages and {bytes} bytes wait (limits {maxMessages}, {maxBytes}); consume faster, or raise maxSize or maxBytes' },
  'queue.lease_lost': { close: 143, retryable: false, text: 'the lease on message {position} of queue "{queue}" is not held any more: settled before, or its ack wait was over; it may be delivered again' },
  'queue.unsupported': { close: 144, retryable: false, text: 'the store {backend} cannot {feature}; see docs/queues.md' },
  'queue.bad_option': { close: 145, retryable: false, text: 'the message cannot be queued: {problem}' },
  'queue.consumer': { close: 146, retryable: false, text: 'the queue cannot be consumed so: {problem}' },
  'queue.timeout': { close: 147, retryable: true, text: 'no message came from queue "{queue}" within {limitMs} ms' },
  'queue.not_empty': { close: 148, retryable: false, text: 'queue "{queue}" holds {messages} messages and {deadLetters} dead letters; consume or purge them, or delete the channel with force' },
  'request.dead_lettered': { close: 138, retryable: false, text: 'the request on "{subject}" became a dead letter of its queue: {reason}' },
  'store.unavailable': { close: 150, retryable: true, text: 'the store {backend} cannot be reached: {problem}' },
  'store.failed': { close: 151, retryable: true, text: 'the store {backend} cannot do its work: {problem}' },
  'store.no_space': { close: 152, retryable: true, text: 'no space is left for the store at {path}; nothing that was acknowledged is lost, make room and it goes on' },
  'store.damaged': { close: 153, retryable: false, text: 'queue "{queue}" is damaged at {place}: {problem}; see callboard queue verify' },
  'store.durability': { close: 154, retryable: false, text: 'queue "{queue}" asks for {asked}, and the store {backend} gives only {given}: {problem}' },
  'store.key': { close: 155, retryable: false, text: 'the key of the store cannot be used: {problem}' },
  'store.version': { close: 156, retryable: false, text: 'the store at {path} has format {actual}, this broker reads {expected}; use the newer of the two' },
  'store.in_use': { close: 157, retryable: true, text: 'the store at {path} is used by another program: {problem}' },
  'backup.invalid': { close: 158, retryable: false, text: 'the backup {file} cannot be used: {problem}' },
  'store.not_empty': { close: 159, retryable: false, text: '{path} holds {what} already; restore elsewhere with --home, or set it aside with --replace' },

  'agent.busy': { close: 170, retryable: true, text: 'agent "{agent}" is in the middle of a change ({change}); try again when it is done' },
  'agent.change_failed': { close: 171, retryable: false, text: 'the change of agent "{agent}" failed at instance {instance} ({step}): {problem}; {outcome}' },
  'agent.not_kept': { close: 173, retryable: false, text: 'agent "{agent}" runs as asked for, but only until the broker ends, since that cannot be kept: {problem}; mend this and ask once more' },
  'agent.bad_change': { close: 172, retryable: false, text: 'agent "{agent}" cannot be changed so: {problem}' },

  'registry.invalid': { close: 160, retryable: false, text: 'the registration is not valid: {problem}' },
  'registry.bad_version': { close: 161, retryable: false, text: '"{version}" is no {expected}; see docs/registry.md' },
  'registry.instance_taken': { close: 162, retryable: false, text: 'instance "{instance}" of "{name}" is registered by another principal; choose another instance id' },
  'registry.limit': { close: 163, retryable: true, text: '{limit} {what} are registered {where}, the most there may be' },
  'registry.not_registered': { close: 164, retryable: false, text: '{instance} of "{name}" is not registered by this connection; register it first' },
  'registry.unknown': { close: 165, retryable: true, text: 'nothing is registered as "{name}"{suggestion}' },
  'registry.no_provider': { close: 166, retryable: true, text: 'nobody gives the capability "{capability}"; it could come from: {providers}' },
  'grpc.bad_credential': { close: 190, retryable: false, text: 'the metadata "authorization" is none that is known; send "Bearer <token>", "Challenge <nonce>" or "Proof <nonce> <mac>"' },
  'grpc.bad_message': { close: 191, retryable: false, text: 'the message is not valid: {problem}; see docs/grpc.md' },
  'grpc.unknown_registration': { close: 192, retryable: false, text: 'no registration "{registration}" of this principal: it has ended, or never was; register again' },
  'grpc.not_listening': { close: 193, retryable: true, text: 'the gRPC client "{client}" has no stream open for what is sent to it' },
  'grpc.stream_open': { close: 194, retryable: true, text: 'the registration "{registration}" has a stream already; end that one first' },
  'agent.report_lost': { close: 176, retryable: false, text: 'the crash report of agent "{agent}" was not kept: {problem}' },
  'memory.unreadable': { close: 195, retryable: true, text: 'what was sent in shared memory cannot be read from {path}: {problem}; the connection ends, as what follows would be out of order' },
  'fifo.failed': { close: 198, retryable: false, text: 'the FIFOs "{name}" cannot be opened: {problem}' },
  'agent.secret': { close: 177, retryable: false, text: 'agent "{agent}" cannot have its secret {secret}: {problem}' },
  'agent.user': { close: 178, retryable: false, text: 'agent "{agent}" cannot run as another user: {problem}' },
  'agent.schedule': { close: 179, retryable: false, text: 'agent "{agent}" cannot be started by its schedule: {problem}' },
  'watchdog.gave_up': { close: 205, retryable: false, text: 'the broker of {home} ended ({how}) and is not started again, as {why}; see why it ends: callboard status --verbose, callboard logs' },
  'watchdog.running': { close: 206, retryable: true, text: 'the watchdog, process {pid}, has the broker of {home}; stop both with: callboard stop' },
  'service.no_supervisor': { close: 207, retryable: false, text: 'no service can be installed here: {problem}; put the unit that is shown where your system looks for it, or keep the broker alive with: callboard start --watchdog' },
  'service.differs': { close: 208, retryable: false, text: '{file} is there and {problem}; replace it with --force' },
  'service.failed': { close: 209, retryable: true, text: '{what} failed: {problem}' },
  'home.copied': { close: 210, retryable: false, text: 'the home {home} is a copy of {other}, whose broker (process {pid}) runs with the same identity; stop that one, or delete broker.json and agents.json in the copy: it becomes a broker of its own then' },
  'sandbox.unavailable': { close: 180, retryable: false, text: 'agent "{agent}" asks for sandbox level {level}, and this machine lacks {missing}; see callboard doctor, ask for less, or set sandbox.allowWeaker' },
  'agent.unhealthy': { close: 174, retryable: true, text: 'agent "{agent}" is ended, as a probe of it failed: {problem}' },
  'supervisor.quarantine': { close: 175, retryable: false, text: 'child "{child}" stays down after more than {intensity} restarts in {periodMs} ms, until somebody starts it; the last was for: {problem}' },
  'sandbox.invalid': { close: 181, retryable: false, text: 'agent "{agent}": {problem}' },
  'connection.moving': { close: 200, retryable: true, text: 'the broker goes on in another process; connect again at the same address' },
  'upgrade.busy': { close: 201, retryable: true, text: 'the broker cannot be handed over at this moment: {problem}; try again when it is done' },
  'upgrade.unsupported': { close: 202, retryable: false, text: 'this broker cannot hand over to another one while it runs: {problem}; use callboard restart' },
  'upgrade.failed': { close: 203, retryable: true, text: 'the new broker did not take over, and the old one goes on: {problem}' },
  'upgrade.remote': { close: 204, retryable: false, text: 'an upgrade starts a program, so it is asked for over the Unix socket alone; this connection came by {transport}' },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof table

export const errorTable: Readonly<Record<ErrorCode, ErrorEntry>> = table

type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>

/** An error as it crosses the wire: the body of an `error` or `goodbye` frame. */
export interface ErrorBody {
  readonly code: string
  readonly message: string
  readonly retryable: boolean
  readonly details?: ErrorDetails
}

/**
 * An error with a code from the table.
 * `message` reads `code: text` with the details filled in; `details` stay available as data. A `cause`, when given,
 * is kept and is never sent to the other end.
 */
export class BrokerError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: { cause?: unknown }) {
    super(`${code}: ${fill(table[code].text, details)}`, options)
    this.name = 'BrokerError'
    this.code = code
    this.details = details
  }

  get retryable(): boolean {
    return table[this.code].retryable
  }

  /** What the other end is told. */
  toBody(): ErrorBody {
    return { code: this.code, message: this.message, retryable: this.retryable, details: this.details }
  }

  /**
   * The error for anything that was thrown. Once, at the edge: a BrokerError is returned as it is, anything else
   * becomes `internal.error` with the original as cause.
   */
  static from(thrown: unknown): BrokerError {
    if (thrown instanceof BrokerError) return thrown
    const problem = thrown instanceof Error ? thrown.message : String(thrown)
    return new BrokerError('internal.error', { problem }, { cause: thrown })
  }

  /** The error that a peer described; a code that this side does not know becomes `request.failed`, its text kept. */
  static fromBody(body: ErrorBody): BrokerError {
    const known = Object.hasOwn(table, body.code)
    const error = new BrokerError(known ? (body.code as ErrorCode) : 'request.failed', body.details ?? {})
    error.message = body.message
    return error
  }
}

function fill(text: string, details: ErrorDetails): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = details[name]
    return value === undefined ? '' : typeof value === 'number' ? value.toLocaleString('en-US') : String(value)
  })
}
