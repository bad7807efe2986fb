/* DPDK's side of the data plane: EAL, devices, buffers, rings between workers. The only header of
 * this folder whose implementation knows DPDK. */
#ifndef DPDK_APP_DPDK_IO_H
#define DPDK_APP_DPDK_IO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "dpdk-app/io.h"
#include "dpdk-app/local.h"
#include "link/link_server.h"
#include "settings/settings.h"

struct dpdk;

/* Can this machine and configuration run at all? Checks processor features and every option that
 * would go to EAL (which answers a bad one with pages of usage). 0, or an error with its text. */
int dpdk_check(const struct settings_data_plane *config, char *text, size_t size);

/* Start EAL, open the devices, make the buffer pool; fills the locals' devices (address, MTU).
 * Once a process. An error comes with its text. */
int dpdk_start(const struct settings_data_plane *config, struct locals *locals, struct dpdk **dpdk,
               char *text, size_t size);

/* Stop the devices, give everything back. Workers must have ended. NULL is ok. */
void dpdk_stop(struct dpdk *dpdk);

/* A worker's packets. `server` wakes workers that sleep when packets are handed to them. */
struct io *dpdk_io(struct dpdk *dpdk, unsigned worker, struct link_server *server);

/* Run `body(context[i])` on the thread of each worker i, and wait for all to end. */
int dpdk_launch(struct dpdk *dpdk, unsigned worker, int (*body)(void *), void *context);
void dpdk_join(struct dpdk *dpdk);

/* A worker is about to sleep: false when others have handed it packets. End it in any case. */
bool dpdk_sleep_begin(struct dpdk *dpdk, unsigned worker);
void dpdk_sleep_end(struct dpdk *dpdk, unsigned worker);

/* Tell the processor that this thread spins. */
void dpdk_pause(void);

#endif
