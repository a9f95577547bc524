// The help of `callboard nats-server`.

export const USAGE = `Usage: callboard nats-server [options]

A Callboard broker in the place of nats-server: takes its flags, reads its configuration, speaks NATS to its clients.

Server options:
    -a, --addr, --net <host>         Listen at this address (default: 127.0.0.1; nats-server: 0.0.0.0)
    -p, --port <port>                Port for clients (default: 4222; -1: any that is free)
    -n, --name
        --server_name <name>         Name of the server
    -P, --pid <file>                 File to write the pid to
    -m, --http_port <port>           Port for the monitoring endpoints
    -c, --config <file>              Configuration file
    -t                               Check the configuration and leave
    -sl,--signal <signal>[=<pid>]    Signal a server that runs (ldm, stop, quit, term, reopen, reload);
                                     <pid> is a pid or the path of a pid file
        --ports_file_dir <dir>       Write nats-server_<pid>.ports there, with the addresses
        --home <dir>                 Home of the broker (default: $CALLBOARD_HOME, else one for this run)

Log options:
    -l, --log <file>                 Log to this file instead of stderr
    -T, --logtime                    With the time (default: true)
    -D, --debug                      Also what happens to connections
    -V, --trace, -VV                 Also what clients send, without payloads
    -DV, -DVV                        Both
        --log_size_limit <bytes>     Set the file aside when it is larger

Authorization options:
        --user <user>                User required of clients
        --pass <password>            Password required of clients
        --auth <token>               Token required of clients

TLS options:
        --tls                        Speak TLS (-tls=false: do not)
        --tlscert <file>             Certificate of the server
        --tlskey <file>              Its private key
        --tlsverify                  Require a certificate of clients
        --tlscacert <file>           CA for the certificates of clients

    -h, --help                       Show this message
    -v, --version                    Show the version

Accepted without effect: -js, -sd, --client_advertise, -s, -r, --profile, --max_traced_msg_len.
Refused: clusters (--routes, --cluster...) and --https_port. See docs/nats.md.
`

export const TLS_USAGE = `The map tls of the configuration:

    tls {
        cert_file: "./server-cert.pem"
        key_file:  "./server-key.pem"
        ca_file:   "./ca.pem"        # with verify: who signs the certificates of clients
        verify:    true
        timeout:   2                 # seconds for the handshake
    }

TLS 1.2 and 1.3 are spoken, with the cipher suites and curves that Node prefers.
`
