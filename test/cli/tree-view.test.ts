import test from 'ava'
import type { ActorInfo } from '../../broker/ground/types.ts'
import { formatTree } from '../../cli/tree-view.ts'

const actor = (id: string, children: ActorInfo[] = [], more: Partial<ActorInfo> = {}): ActorInfo => ({ id, kind: 'supervisor', phase: 'run', incarnation: 1, restarts: 0, ageMs: 4200, mailbox: 0, detail: '', children, ...more })

const root = actor('root', [actor('agents', [actor('agent.echo'), actor('agent.tail', [], { phase: 'init', incarnation: 3, restarts: 2, mailbox: 1, ageMs: 40.6, detail: 'pid 7' })]), actor('edge', [actor('unix')])])

test('tree view: children stand below their supervisor, with all that is known of them', t => {
  t.is(
    formatTree(root),
    [
      'ACTOR             PHASE  INCARNATION  RESTARTS    AGE  MAILBOX  DETAIL',
      'root              run              1         0  4.2 s        0',
      '├─ agents         run              1         0  4.2 s        0',
      '│  ├─ agent.echo  run              1         0  4.2 s        0',
      '│  └─ agent.tail  init             3         2  40 ms        1  pid 7',
      '└─ edge           run              1         0  4.2 s        0',
      '   └─ unix        run              1         0  4.2 s        0',
    ].join('\n'),
  )
})

test('tree view: what does not fit the screen is counted', t => {
  const lines = formatTree(root, 5).split('\n')
  t.is(lines.length, 5)
  t.is(lines.at(-1), '… 3 more')
  t.is(formatTree(root, 7).split('\n').length, 7)
})
