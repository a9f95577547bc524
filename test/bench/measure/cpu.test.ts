import test from 'ava'
import { cpuSeconds, parseCpuSeconds, parseResidentBytes, residentBytes } from '../../../bench/measure/cpu.ts'

test('cpu: user and system time are added, a name with brackets and blanks does not shift the fields', t => {
  t.is(parseCpuSeconds('42 (a) b (c)) S 1 42 42 0 -1 4194560 900 0 0 0 250 125 7 7 20 0 11 0 100 1 1'), 3.75)
})

test('cpu: resident memory is read in bytes', t => {
  t.is(parseResidentBytes('Name:\tnode\nVmHWM:\t  90000 kB\nVmRSS:\t    2048 kB\n'), 2 * 1024 * 1024)
})

test('cpu: this process has used some of both', t => {
  t.true(cpuSeconds(process.pid) > 0)
  t.true(residentBytes(process.pid) > 1024 * 1024)
})
