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
    const bar = progress('purge', isJson, stream)
    bar.at(1, 2)
    bar.at(2, 2)
    bar.end()
    const bytes = (stream as unknown as PassThrough).read() as Buffer | null
    return bytes?.toString() ?? ''
  }
  const text = drawn(true, false)
  // The second look came too soon after the first.
  t.is(text.replaceAll('\r\u001b[K', '<clear>').replace(/[^ -~]+/gu, '#').replaceAll(/\[\d+m/g, ''), '<clear>purge  ###  50 %  1 of 2<clear>')
  t.is(drawn(false, false), '')
  t.is(drawn(true, true), '')
})
