// The keys of an agent's health: where each value lands in the settings.

import type { ProbeSettings } from '../../broker/ground/probes.ts'
import type { Settings } from '../../broker/ground/settings.ts'

type Landing = readonly [yaml: string, see: (settings: Settings) => unknown, value: unknown]

const agent = (keys: string): string => `agents: [{name: a, command: ls, ${keys}}]`
const probe = (keys: string): string => agent(`probes: [{${keys}}]`)
const seen = (settings: Settings): ProbeSettings | undefined => settings.agents[0]?.probes?.[0]
const pace = { intervalMs: 5000, timeoutMs: 2000, initialDelayMs: 0, failureThreshold: 3, successThreshold: 1, onFailure: 'restart' }

export const probeLandings: Readonly<Record<string, Landing>> = {
  'agents[].intensity': [agent('intensity: 0'), s => s.agents[0]?.intensity, 0],
  'agents[].period': [agent('period: 5m'), s => s.agents[0]?.periodMs, 300_000],
  'agents[].probes': [agent('probes: [{kind: ping}]'), s => s.agents[0]?.probes, [{ kind: 'ping', ...pace }]],
  'agents[].probes[].kind': [probe('kind: ping'), s => seen(s)?.kind, 'ping'],
  'agents[].probes[].host': [probe('kind: tcp, port: 80, host: "::1"'), seen, { kind: 'tcp', host: '::1', port: 80, ...pace }],
  'agents[].probes[].port': [probe('kind: tcp, port: 8080'), seen, { kind: 'tcp', host: '127.0.0.1', port: 8080, ...pace }],
  'agents[].probes[].url': [probe('kind: http, url: ":8080/health?x=1"'), seen, { kind: 'http', url: 'http://127.0.0.1:8080/health?x=1', status: undefined, ...pace }],
  'agents[].probes[].status': [probe('kind: http, url: "https://[::1]/", status: 204'), seen, { kind: 'http', url: 'https://[::1]/', status: 204, ...pace }],
  'agents[].probes[].command': [probe('kind: command, command: [/bin/true, -x]'), seen, { kind: 'command', command: ['/bin/true', '-x'], ...pace }],
  'agents[].probes[].interval': [probe('kind: ping, interval: 1m'), s => seen(s)?.intervalMs, 60_000],
  'agents[].probes[].timeout': [probe('kind: ping, timeout: 1s'), s => seen(s)?.timeoutMs, 1000],
  'agents[].probes[].initialDelay': [probe('kind: ping, initialDelay: 10s'), s => seen(s)?.initialDelayMs, 10_000],
  'agents[].probes[].failureThreshold': [probe('kind: ping, failureThreshold: 5'), s => seen(s)?.failureThreshold, 5],
  'agents[].probes[].successThreshold': [probe('kind: ping, successThreshold: 2'), s => seen(s)?.successThreshold, 2],
  'agents[].health.errorRate': [agent('health: {errorRate: 0.2}'), s => s.agents[0]?.health, { errorRate: 0.2, latencyMs: undefined, silenceMs: undefined, windowMs: 30_000, onFailure: 'unhealthy' }],
  'agents[].health.latency': [agent('health: {latency: 1s}'), s => s.agents[0]?.health?.latencyMs, 1000],
  'agents[].health.silence': [agent('health: {silence: 5s}'), s => s.agents[0]?.health?.silenceMs, 5000],
  'agents[].health.window': [agent('health: {silence: 5s, window: 1m}'), s => s.agents[0]?.health?.windowMs, 60_000],
  'agents[].health.onFailure': [agent('health: {silence: 5s, onFailure: restart}'), s => s.agents[0]?.health?.onFailure, 'restart'],
  'agents[].probes[].onFailure': [probe('kind: ping, onFailure: unhealthy'), s => seen(s)?.onFailure, 'unhealthy'],
}
