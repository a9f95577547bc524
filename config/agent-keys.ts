// The block `agents`: programs that the broker starts, watches and restarts.

import { defaultBackoff, logLevels } from '../broker/ground/settings.ts'
import { formatDuration } from './duration.ts'
import { block, defaulted, map, optional, required } from './keys.ts'
import { choice, count, duration, factor, list, mapOf, name, nonEmptyText, path, schedule, text, timeZone, unixName, variableName, versionText } from './kinds.ts'
import { probesBlock, trafficBlock } from './probe-keys.ts'
import { sandboxBlock } from './sandbox-keys.ts'

/** Most instances of one agent. */
const MAX_INSTANCES = 1000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Time between SIGTERM and SIGKILL. */
const DEFAULT_SHUTDOWN = '5s'
const DEFAULT_PERIOD = '1m'
const MAX_INTENSITY = 1000

export const agentsBlock = optional(
  list(
    map({
      name: required(name, 'Name of the agent; messages to `$CB.to.agent.NAME` reach it.'),
      instances: optional(count(1, MAX_INSTANCES), '1', 'How many of it run, each with a process and an identity of its own: `NAME`, `NAME/2`, `NAME/3`. Requests to `$CB.to.service.NAME` reach a healthy one of them.'),
      version: optional(versionText, '`{version}` is no placeholder', 'What `{version}` stands for in `command`, `args`, `cwd` and `env`; `callboard agent upgrade NAME --version` changes it. The registry takes semantic versions alone: a program that registers as this one needs `3.0.0`, not `3`.'),
      startTimeout: defaulted(duration(100, HOUR_MS), '30s', 'Time in which an instance must serve during a rolling change, and before agents that depend on it are started.'),
      dependsOn: defaulted(list(name), [], 'Agents that must serve before it is started, for at most their `startTimeout`; then it is started all the same.'),
      agentGroup: optional(name, 'none', 'The group of `agentGroups` with which it fails and is restarted.'),
      command: required(nonEmptyText, 'The program: a name on the PATH, or a path; one that begins with ./ starts at `cwd`.'),
      args: defaulted(list(text), [], 'What it is given on the command line, without a shell.'),
      env: defaulted(mapOf(variableName, text), {}, 'Environment variables beside those of the broker.'),
      secrets: defaulted(mapOf(variableName, path), {}, 'Files with its secrets, by name, readable by their owner alone. At each start it gets a copy that nobody else can read; the variable `NAME_FILE` has its path.'),
      cwd: optional(path, 'the directory of this file', 'Directory in which it runs.'),
      restart: defaulted(choice(['permanent', 'transient', 'temporary']), 'permanent', 'When it is started again: always, after a crash, never.'),
      backoff: block({
        initial: defaulted(duration(1, HOUR_MS), formatDuration(defaultBackoff.initialMs), 'Wait before the first restart.'),
        max: defaulted(duration(1, DAY_MS), formatDuration(defaultBackoff.maxMs), 'Longest wait between restarts.'),
        multiplier: defaulted(factor(1, 10), defaultBackoff.multiplier, 'By what the wait grows with every restart.'),
        jitter: defaulted(factor(0, 1), defaultBackoff.jitter, 'Share of the wait that is random, so that agents do not restart in step.'),
      }),
      intensity: optional(count(0, MAX_INTENSITY), 'any number', 'Restarts after failures that are borne within `period`. With one more it stays down, in quarantine, until `callboard agent restart`.'),
      period: defaulted(duration(1, DAY_MS), DEFAULT_PERIOD, 'Time in which restarts are counted for `intensity`.'),
      probes: probesBlock,
      health: trafficBlock,
      shutdown: defaulted(duration(0, 600_000), DEFAULT_SHUTDOWN, 'Time between SIGTERM and SIGKILL.'),
      user: optional(unixName, 'that of the broker', 'As whom it runs, by name or number, with that user\'s groups. The broker must run as root.'),
      group: optional(unixName, 'the main one of `user`', 'Its group of Unix, by name or number.'),
      schedule: optional(schedule, 'with the broker', 'When it is started, as cron has it; it needs `restart: transient` or `temporary`. Times that come while it still runs or the broker is down are passed over.'),
      timeZone: optional(timeZone, 'that of the machine', 'Time zone of `schedule`.'),
      logLevel: optional(choice(logLevels), '`log.level`', 'The least important of its lines that are logged; it is told in `CALLBOARD_LOG_LEVEL`. Plain text is `info` on stdout and `warn` on stderr.'),
      sandbox: sandboxBlock,
    }),
  ),
  'none',
  'Programs that the broker starts, watches and restarts.',
)

