/* The packet side of endpoint_media, private to it: sockets, demultiplexing, DTLS, pacing. */
#ifndef BENCH_ENDPOINT_MEDIA_IO_H
#define BENCH_ENDPOINT_MEDIA_IO_H

struct media;

/* Begins to receive on every bound socket. */
int media_io_listen(struct media *m);
/* Starts whatever can start now: the pacing clock, the handshake, faults. */
void media_io_run(struct media *m);
void media_io_clock(struct media *m); /* the clock alone */
/* SCTP begins when DTLS and the channel of H.245 are there. */
void media_io_run_data(struct media *m);
extern const struct data_ops media_data_ops;

#endif
