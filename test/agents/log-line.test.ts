import test from 'ava'
import { readLogLine, type LogLine } from '../../agents/log-line.ts'

const cases: [line: string, level: LogLine['level'], text: string, fields: object][] = [
  ['plain text', 'warn', 'plain text', {}],
  ['{"level":"info","msg":"started","port":80}', 'info', 'started', { port: 80 }],
  ['{"level":"WARNING","message":"hot"}', 'warn', 'hot', {}],
  ['{"level":30,"msg":"pino","time":1,"pid":2,"hostname":"h"}', 'info', 'pino', {}],
  ['{"level":20,"msg":"m"}', 'debug', 'm', {}],
  ['{"level":60,"msg":"m"}', 'error', 'm', {}],
  ['{"level":"toString","msg":"m"}', 'warn', 'm', {}],
  ['{"msg":"no level"}', 'warn', 'no level', {}],
  ['{"level":"error","msg":"posing","agent":"other","actor":"broker","stream":"x"}', 'error', 'posing', {}],
  ['{"level":"info"}', 'warn', '{"level":"info"}', {}],
  ['{"level":"info","msg":7}', 'warn', '{"level":"info","msg":7}', {}],
  ['{not json', 'warn', '{not json', {}],
  ['["msg"]', 'warn', '["msg"]', {}],
]

for (const [line, level, text, fields] of cases) {
  test(`log line: ${line}`, t => t.deepEqual(readLogLine(line, 'warn'), { level, text, fields }))
}
