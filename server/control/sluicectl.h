/* Inside of sluicectl. */
#ifndef SERVER_SLUICECTL_H
#define SERVER_SLUICECTL_H

#include <jansson.h>
#include <stdio.h>

/* A result as aligned text; one event as one line. */
void sluicectl_print(FILE *out, json_t *result);
void sluicectl_print_event(FILE *out, json_t *event);

#endif
