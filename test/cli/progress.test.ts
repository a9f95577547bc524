import { PassThrough } from 'node:stream'
import test from 'ava'
import { barText, progress } from '../../cli/progress.ts'

test('progress: the bar says how far it is, and without a total how much was done', t => {
  t.is(barText('purge', 1200, 3600), `purge  ${'█'.repeat(8)}${'░'.repeat(16)}  33 %  1,200 of 3,600`)
  t.is(barText('purge', 5, 0), 'purge  5')
  t.is(barText('purge', 9, 4), `purge  ${'█'.repeat(24)}  100 %  4 of 4`)
})

test('progress: a terminal is drawn on and cleaned; a file and a program get nothing', t => {
  const drawn = (isTTY: boolean, isJson: boolean): string => {
    const stream = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.WriteStream
    let nowMs = 0
    const bar = progress('purge', isJson, stream, () => nowMs)
    for (const atMs of [0, 79, 80]) {
      nowMs = atMs
      bar.at(atMs, 100)
    }
    bar.end()
    const bytes = (stream as unknown as PassThrough).read() as Buffer | null
    return bytes?.toString() ?? ''
  }
  const text = drawn(true, false)
  // The second look came too soon after the first.
  t.deepEqual(text.split('\r\u001b[K').map(line => / {2}(\d+ %.*)/.exec(line)?.[1]), [undefined, '0 %  0 of 100', '80 %  80 of 100', undefined])
  t.is(drawn(false, false), '')
  t.is(drawn(true, true), '')
})
