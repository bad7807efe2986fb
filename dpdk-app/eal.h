/* Starting and ending EAL with options that it will take. */
#ifndef DPDK_APP_EAL_H
#define DPDK_APP_EAL_H

#include <stddef.h>

#include "settings/settings.h"

/* Check everything that EAL would see; 0 or an error with its text. Does not need EAL. */
int eal_check(const struct settings_data_plane *config, char *text, size_t size);

/* eal_check, then rte_eal_init: workers become logical cores 1…n, this thread 0. */
int eal_start(const struct settings_data_plane *config, char *text, size_t size);
void eal_stop(void);

/* "net_af_packet0,iface=v1" → "net_af_packet0". */
void eal_device_name(const char *eal, char *out, size_t size);

#endif
