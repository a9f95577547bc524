// The keys of a whole configuration.

import type { ConfMap, ConfNode } from '../conf/node.ts'
import type { ServerOptions } from '../options.ts'
import { accounts, authorization } from './authorization.ts'
import { listen } from './listen.ts'
import type { Notes } from './notes.ts'
import { OperatorKeys } from './operator.ts'
import { ignored, keyTable, readKeys, refused, refusedIfTrue, sets, type KeyTable } from './reading.ts'
import { tls } from './tls.ts'
import { duration, durationText, int32, integer, map, port, text, texts, truth } from './values.ts'
import { websocket } from './websocket.ts'

const MIN_LAME_DUCK_MS = 30_000
const NO_JETSTREAM = 'there is no JetStream; its requests are answered as by a server without it'
const NO_OPERATOR = 'accounts come from resolver: MEMORY and resolver_preload'

const table: KeyTable<ServerOptions> = keyTable<ServerOptions>(
  [
    'listen',
    (node, into, notes, key) => {
      Object.assign(into, listen(node, key, notes))
    },
  ],
  ['host net', sets('host', text)],
  ['port', sets('port', port)],
  ['server_name', sets('serverName', text)],
  ['http', sets('monitor', listen)],
  ['http_port monitor_port', sets('monitor', (node, key, notes) => {
    const number = port(node, key, notes)
    return number === undefined ? undefined : { port: number }
  })],
  ['https https_port', refused('the monitoring endpoints speak plain HTTP; put a proxy in front, and use http on a loopback address')],
  ['authorization', sets('authorization', authorization)],
  ['no_auth_user', sets('noAuthUser', text)],
  ['tls', sets('tls', tls)],
  ['allow_non_tls', sets('allowNonTls', truth)],
  ['websocket ws', sets('websocket', websocket)],
  ['max_payload', sets('maxPayloadBytes', int32)],
  ['max_control_line', sets('maxControlLineBytes', int32)],
  ['max_pending', sets('maxPendingBytes', integer)],
  ['max_connections max_conn', sets('maxConnections', integer)],
  ['max_subscriptions max_subs', sets('maxSubscriptions', integer)],
  ['ping_interval', sets('pingIntervalMs', duration)],
  ['ping_max', sets('maxPingsOut', integer)],
  ['lame_duck_duration', sets('lameDuckMs', lameDuckMs)],
  ['lame_duck_grace_period', sets('lameDuckGraceMs', lameDuckGraceMs)],
  ['debug', sets('debug', truth)],
  ['trace', sets('trace', truth)],
  ['trace_verbose', sets('trace', truth)],
  ['logtime', sets('logtime', truth)],
  ['log_file logfile', sets('logFile', text)],
  ['log_size_limit logfile_size_limit', sets('logFileLimit', integer)],
  ['pid_file pidfile', sets('pidFile', text)],
  ['ports_file_dir', sets('portsFileDirectory', text)],

  // Without effect, and nothing is lost by it.
  ['server_tags', ignored(texts)],
  ['server_metadata', ignored(map)],
  ['system_account system', ignored(text)],
  ['no_system_account no_system no_sys_acc disable_sublist_cache no_sublist_cache', ignored(truth)],
  ['connect_error_reports reconnect_error_reports max_traced_msg_len max_traced_subject_len', ignored(integer)],
  ['logfile_max_num logtime_utc log_max_num', ignored(undefined)],
  // Without effect, and whoever wrote it should know.
  ['jetstream', jetstream],
  ['store_dir storedir', ignored(text, NO_JETSTREAM)],
  ['default_js_domain', ignored(map, NO_JETSTREAM)],
  ['write_deadline', ignored(duration, 'a receiver that does not read is ended when max_pending waits for it')],
  ['max_sub_tokens max_subscription_tokens', ignored(integer, 'subjects have at most 255 bytes')],
  ['client_advertise', ignored(text, 'no addresses are advertised')],
  ['http_base_path', ignored(text, 'the monitoring endpoints stand at the root')],
  ['syslog', ignored(truth, 'log lines go to stderr, or to log_file')],
  ['remote_syslog', ignored(text, 'log lines go to stderr, or to log_file')],
  ['prof_port', ignored(integer, 'use the profiler of Node')],
  ['prof_block_rate', ignored(integer)],
  ['ocsp', ignored(undefined, 'no OCSP responses are stapled')],
  ['leafnodes leaf', solicits('remotes', 'it takes no leaf nodes, and nothing listens for them')],
  ['cluster', solicits('routes', 'it takes no routes, and nothing listens for them')],

  // Refused: the server would not be what was asked for.
  ['gateway', refused('it joins no super cluster; see docs/cluster.md for several brokers')],
  ['mqtt', refused('it speaks no MQTT')],
  ['no_header_support', refusedIfTrue('headers are part of the protocol')],
  ['mappings maps', refused('subjects are not mapped')],
  ['resolver_tls resolver_pinned_accounts', refused(NO_OPERATOR)],
  ['trusted trusted_keys', refused(NO_OPERATOR)],
)

/** What the entries of a configuration say. */
export function readServerOptions(entries: ConfMap, notes: Notes): ServerOptions {
  const options: ServerOptions = {}
  const systemAccount = [...entries].find(([key, node]) => /^system(?:_account)?$/i.test(key) && node.kind === 'string')?.[1].value
  const operators = new OperatorKeys(typeof systemAccount === 'string' ? systemAccount : undefined)
  const complete = new Map([...table, ...operators.table(), ['accounts', (node: ConfNode, into: ServerOptions) => accounts(node, into, notes, typeof systemAccount === 'string' ? systemAccount : '$SYS')]])
  readKeys(entries, complete, options, notes)
  operators.finish(options, notes)
  return options
}

// An own listener for others would only be missing; to go to others and not do it would be another server.
function solicits(key: string, why: string) {
  return (node: ConfNode, _into: unknown, notes: Notes, name: string): void => {
    const entries = map(node, name, notes)
    const asked = [...(entries ?? [])].find(([written]) => written.toLowerCase() === key)?.[1]
    if (asked !== undefined && !(asked.kind === 'array' && asked.value.length === 0)) notes.problem(asked.at, `${name}.${key} is not supported: this broker joins others by bus.nats of its own configuration, see docs/cluster.md`)
    else if (entries !== undefined) notes.warn(node.at, `${name} has no effect: ${why}`)
  }
}

function jetstream(node: ConfNode, _into: unknown, notes: Notes): void {
  const isOff = (node.kind === 'boolean' && !node.value) || (node.kind === 'string' && node.value.toLowerCase() === 'disabled')
  if (!isOff) notes.warn(node.at, `jetstream has no effect: ${NO_JETSTREAM}`)
}

function lameDuckMs(node: ConfNode, key: string, notes: Notes): number | undefined {
  const ms = durationText(node, key, notes)
  if (ms === undefined || ms >= MIN_LAME_DUCK_MS) return ms
  notes.problem(node.at, `${key} is shorter than 30s, the least that is allowed`)
  return undefined
}

function lameDuckGraceMs(node: ConfNode, key: string, notes: Notes): number | undefined {
  const ms = durationText(node, key, notes)
  if (ms === undefined || ms >= 0) return ms
  notes.problem(node.at, `${key} is negative`)
  return undefined
}
