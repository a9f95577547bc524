// What the native dialect says in place of frames that stand in shared memory, for whoever puts them there.

export { encodeLent as lentFrame } from '../../broker/wire/lent.ts'
