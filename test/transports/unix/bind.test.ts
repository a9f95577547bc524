import test from 'ava'
import { isNamedPipe } from '../../../transports/unix/bind.ts'

test('unix socket: on Windows a named pipe is taken for one, elsewhere it is a path like any other', t => {
  t.true(isNamedPipe('\\\\.\\pipe\\callboard', 'win32'))
  t.false(isNamedPipe('C:\\callboard.sock', 'win32'))
  t.false(isNamedPipe('\\\\.\\pipe\\callboard', 'linux'))
})
