// How the health of an agent is found out: what is tried, how often, and what follows. Data only.

/** How a probe is paced and what counts. */
export interface ProbePace {
  /** From the beginning of one attempt to that of the next; while the instance starts it is tried at least twice a second. ms, default 5000 */
  readonly intervalMs: number
  /** After which an attempt has failed. ms, default 2000 */
  readonly timeoutMs: number
  /** From the start of the process to the first attempt. ms, default 0 */
  readonly initialDelayMs: number
  /** Failures in a row that make it unhealthy. default 3 */
  readonly failureThreshold: number
  /** Successes in a row that make it healthy, also at the start. default 1 */
  readonly successThreshold: number
  /** What follows when it becomes unhealthy. default restart */
  readonly onFailure: ProbeConsequence
}

/** `restart`: it is ended as after a crash, and its restart type decides. `unhealthy`: it gets no requests by name while others do. */
export const probeConsequences = ['restart', 'unhealthy'] as const
export type ProbeConsequence = (typeof probeConsequences)[number]

export const probeKinds = ['ping', 'tcp', 'http', 'command'] as const
export type ProbeKind = (typeof probeKinds)[number]

/** What is tried. */
export type ProbeTarget =
  /** The connection by which it came in answers a ping. */
  | { readonly kind: 'ping' }
  /** It takes a connection. */
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** It answers GET with `status`, or, without one, with any of 200..399. Redirects are not followed. */
  | { readonly kind: 'http'; readonly url: string; readonly status: number | undefined }
  /** A program, in the agent's directory and sandbox, exits with 0. */
  | { readonly kind: 'command'; readonly command: readonly string[] }

export type ProbeSettings = ProbePace & ProbeTarget

/** How an instance is judged by the requests to its names. Each limit is a floor: more than that, and more than is usual for the agent, is unhealthy. */
export interface TrafficSettings {
  /** Share of the requests that fail, 0..1; undefined: it is not looked at. Likewise below. */
  readonly errorRate: number | undefined
  /** Mean time that requests take. ms */
  readonly latencyMs: number | undefined
  /** Time with requests open and no answer, while its siblings answer. ms */
  readonly silenceMs: number | undefined
  /** The time that is looked at. ms, default 30000 */
  readonly windowMs: number
  /** default unhealthy */
  readonly onFailure: ProbeConsequence
}

/** How an instance is. */
export type ProbeHealth = 'starting' | 'healthy' | 'unhealthy'

/** What a probe has found. */
export interface ProbeInfo {
  /** `requests`: nothing is tried, it is judged by what it answers. */
  readonly kind: ProbeKind | 'requests'
  /** What it tries, such as `127.0.0.1:8080`; of a URL without user, password and query, of a program without its arguments; empty for a ping. */
  readonly target: string
  readonly health: ProbeHealth
  /** Since when. ms since the epoch */
  readonly since: number
  /** When the last attempt ended; missing: none has. ms since the epoch */
  readonly last?: number
  /** Why the last attempt failed; missing: it did not. */
  readonly problem?: string
}

export const defaultProbePace: ProbePace = { intervalMs: 5000, timeoutMs: 2000, initialDelayMs: 0, failureThreshold: 3, successThreshold: 1, onFailure: 'restart' }
