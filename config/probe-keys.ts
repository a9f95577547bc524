// The block `agents[].probes`: how it is found out whether an agent is well.

import { defaultProbePace as pace, probeConsequences, probeKinds } from '../broker/ground/probes.ts'
import { formatDuration } from './duration.ts'
import { block, defaulted, map, optional, required } from './keys.ts'
import { choice, count, duration, factor, hostName, list, nonEmptyText, probeAddress } from './kinds.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const TRAFFIC_WINDOW_MS = 30_000
const MAX_IN_A_ROW = 1000

export const probesBlock = defaulted(
  list(
    map({
      kind: required(choice(probeKinds), 'What is tried. `ping`: its connection to the broker answers; `tcp`: it takes a connection; `http`: it answers a GET; `command`: a program exits with 0.'),
      host: optional(hostName, '127.0.0.1', 'Where `tcp` connects to.'),
      port: optional(count(1, 65_535), 'none', 'The port that `tcp` connects to.'),
      url: optional(probeAddress, 'none', 'What `http` asks for; `:8080/health` is at 127.0.0.1.'),
      status: optional(count(100, 599), 'any from 200 to 399', 'The status that `http` expects; redirects are not followed.'),
      command: optional(list(nonEmptyText, 1), 'none', 'Program and arguments of `command`, without a shell. It runs in the directory and the sandbox of the agent, with its variables but for the token.'),
      interval: defaulted(duration(100, DAY_MS), formatDuration(pace.intervalMs), 'From one attempt to the next. One that starts is tried twice a second.'),
      timeout: defaulted(duration(10, HOUR_MS), formatDuration(pace.timeoutMs), 'After which an attempt has failed.'),
      initialDelay: defaulted(duration(0, HOUR_MS), formatDuration(pace.initialDelayMs), 'From the start of the process to the first attempt. For its first success it has this and 30 s, or `failureThreshold` times `interval` if that is longer.'),
      failureThreshold: defaulted(count(1, MAX_IN_A_ROW), pace.failureThreshold, 'Failures in a row after which it is unhealthy.'),
      successThreshold: defaulted(count(1, MAX_IN_A_ROW), pace.successThreshold, 'Successes in a row after which it is healthy.'),
      onFailure: defaulted(choice(probeConsequences), pace.onFailure, 'What follows when it becomes unhealthy. `restart`: it is ended and started anew, as after a crash. `unhealthy`: requests to its name go to others while there are healthy ones.'),
    }),
  ),
  [],
  'How it is found out whether it is well. Until all of them have succeeded it gets no requests by its name.',
)

export const trafficBlock = block({
  errorRate: optional(factor(0, 1), 'not looked at', 'Share of the requests to its names that may fail. More than this, and more than is usual for the agent, makes an instance unhealthy; so do the next two.'),
  latency: optional(duration(1, HOUR_MS), 'not looked at', 'Mean time that its requests may take, once it is known what is usual.'),
  silence: optional(duration(100, HOUR_MS), 'not looked at', 'How long it may have requests open and answer none, while other instances answer theirs.'),
  window: defaulted(duration(1000, HOUR_MS), formatDuration(TRAFFIC_WINDOW_MS), 'The time that is looked at.'),
  onFailure: defaulted(choice(probeConsequences), 'unhealthy', 'What follows when it becomes unhealthy, as for probes.'),
})
