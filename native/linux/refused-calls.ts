// System calls that no agent needs and that reach other processes, the kernel or the machine. Numbers of the kernel's tables.

export type Processor = 'x64' | 'arm64'

export type RefusedCall = { readonly name: string } & Readonly<Partial<Record<Processor, number>>>

const rows: readonly (readonly [name: string, x64: number | undefined, arm64: number | undefined])[] = [
  // Other processes: their memory, descriptors and namespaces.
  ['ptrace', 101, 117],
  ['process_vm_readv', 310, 270],
  ['process_vm_writev', 311, 271],
  ['process_madvise', 440, 440],
  ['kcmp', 312, 272],
  ['pidfd_getfd', 438, 438],
  ['setns', 308, 268],
  ['unshare', 272, 97],
  // Mounts.
  ['mount', 165, 40],
  ['umount2', 166, 39],
  ['pivot_root', 155, 41],
  ['chroot', 161, 51],
  ['open_tree', 428, 428],
  ['move_mount', 429, 429],
  ['fsopen', 430, 430],
  ['fsconfig', 431, 431],
  ['fsmount', 432, 432],
  ['fspick', 433, 433],
  ['mount_setattr', 442, 442],
  ['open_tree_attr', 467, 467],
  ['swapon', 167, 224],
  ['swapoff', 168, 225],
  ['quotactl', 179, 60],
  ['quotactl_fd', 443, 443],
  // Files by number instead of name, past the rules of Landlock.
  ['name_to_handle_at', 303, 264],
  ['open_by_handle_at', 304, 265],
  ['fanotify_init', 300, 262],
  // Calls that are made by the kernel in a program's place, past this filter.
  ['io_uring_setup', 425, 425],
  ['io_uring_enter', 426, 426],
  ['io_uring_register', 427, 427],
  // The kernel's own programs, keys, counters and faults: where most of its holes were.
  ['bpf', 321, 280],
  ['perf_event_open', 298, 241],
  ['userfaultfd', 323, 282],
  ['add_key', 248, 217],
  ['request_key', 249, 218],
  ['keyctl', 250, 219],
  ['init_module', 175, 105],
  ['finit_module', 313, 273],
  ['delete_module', 176, 106],
  ['kexec_load', 246, 104],
  ['kexec_file_load', 320, 294],
  ['syslog', 103, 116],
  // The machine: its clock, its name, its end, its ports.
  ['reboot', 169, 142],
  ['acct', 163, 89],
  ['settimeofday', 164, 170],
  ['clock_settime', 227, 112],
  ['clock_adjtime', 305, 266],
  ['adjtimex', 159, 171],
  ['sethostname', 170, 161],
  ['setdomainname', 171, 162],
  ['vhangup', 153, 58],
  ['personality', 135, 92],
  ['iopl', 172, undefined],
  ['ioperm', 173, undefined],
  ['modify_ldt', 154, undefined],
  ['uselib', 134, undefined],
  // What a limit of processors and memory places rests on.
  ['sched_setaffinity', 203, 122],
  ['mbind', 237, 235],
  ['set_mempolicy', 238, 237],
  ['migrate_pages', 256, 238],
  ['move_pages', 279, 239],
]

// Landlock does not hold these. By number or name they reach memory, queues and semaphores of every process of the user.
const exchangeRows: typeof rows = [
  ['shmget', 29, 194],
  ['shmat', 30, 196],
  ['shmctl', 31, 195],
  ['semget', 64, 190],
  ['semop', 65, 193],
  ['semctl', 66, 191],
  ['semtimedop', 220, 192],
  ['msgget', 68, 186],
  ['msgsnd', 69, 189],
  ['msgrcv', 70, 188],
  ['msgctl', 71, 187],
  ['mq_open', 240, 180],
  ['mq_unlink', 241, 181],
]

// Nor these: with a path, they change whose a file is, who may read it and when it was changed, anywhere.
const metadataRows: typeof rows = [
  ['chmod', 90, undefined],
  ['fchmodat', 268, 53],
  ['fchmodat2', 452, 452],
  ['chown', 92, undefined],
  ['lchown', 94, undefined],
  ['fchownat', 260, 54],
  ['utime', 132, undefined],
  ['utimes', 235, undefined],
  ['futimesat', 261, undefined],
  ['setxattr', 188, 5],
  ['lsetxattr', 189, 6],
  ['setxattrat', 463, 463],
  ['removexattr', 197, 14],
  ['lremovexattr', 198, 15],
  ['removexattrat', 466, 466],
  ['file_setattr', 469, 469],
]

// What they may do to their own process is theirs; with the number of another they reach every process of the user.
const onlyOnItselfRows: readonly (readonly [name: string, x64: number, arm64: number])[] = [
  ['prlimit64', 302, 261],
  ['sched_setscheduler', 144, 119],
  ['sched_setparam', 142, 118],
  ['sched_setattr', 314, 274],
]

/** Calls whose first two arguments say of what kind a target is, and which: a process is `kind`, itself 0. */
const targetedRows: readonly (readonly [name: string, x64: number, arm64: number, kind: number])[] = [
  ['setpriority', 141, 140, 0],
  ['ioprio_set', 251, 30, 1],
]

const calls = (from: typeof rows): readonly RefusedCall[] => from.map(([name, x64, arm64]) => ({ name, ...(x64 !== undefined && { x64 }), ...(arm64 !== undefined && { arm64 }) }))

export const refusedCalls = calls(rows)
/** What reaches files and processes of the same user: of files by path alone, as what an agent has opened, it was allowed to. */
export const callsAmongOthers = calls([...metadataRows, ...exchangeRows])
/** Refused unless the first argument is 0: the calling process. */
export const callsOnProcesses = onlyOnItselfRows.map(([name, x64, arm64]) => ({ name, x64, arm64 }))
export const callsOnTargets = targetedRows.map(([name, x64, arm64, kind]) => ({ name, x64, arm64, kind }))
