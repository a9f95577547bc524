// `callboard service uninstall`: stops the broker and takes the unit away; home and queues stay. Done again it changes nothing.

import { rmSync } from 'node:fs'
import { BrokerError } from '../../../broker/ground/errors.ts'
import type { Context } from '../../context.ts'
import { print, printJson } from '../../output.ts'
import { changing, runAll, scopeOf, type ServiceOptions } from '../../service/options.ts'
import { markedChoice } from '../../service/service-spec.ts'
import { supervisorOf } from '../../service/supervisor-of.ts'
import { readUnit } from './install.ts'

export async function uninstallService(context: Context, options: ServiceOptions): Promise<void> {
  const supervisor = supervisorOf(options.supervisor, scopeOf(options))
  const { file, beforeRemoval, afterRemoval } = supervisor
  const text = readUnit(file)
  if (text === undefined) return context.isJson ? printJson({ file, done: 'absent' }) : print(`there is no ${file}`)
  if (markedChoice(text) === undefined && !options.force) throw new BrokerError('service.differs', { file, problem: 'was not written by callboard service install' })
  const commands = [...beforeRemoval, ['rm', file], ...afterRemoval]
  if (options.dryRun) return context.isJson ? printJson({ file, commands }) : print(commands.map(words => words.join(' ')).join('\n'))
  // Where the supervisor does not run nothing is to be stopped, and the file alone is in the way.
  const isThere = (await supervisor.problem()) === undefined
  if (isThere) await runAll(supervisor, beforeRemoval)
  changing(file, () => rmSync(file, { force: true }))
  if (isThere) await runAll(supervisor, afterRemoval)
  await (context.isJson ? printJson({ file, done: 'removed' }) : print(`removed ${file}; the home stays`))
}
