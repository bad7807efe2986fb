/* A fuzz input as a list of steps: one octet that says what to do, two of length, the octets. */
#ifndef TESTS_FUZZ_FUZZ_RECORDS_H
#define TESTS_FUZZ_FUZZ_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#define FUZZ_STEPS_MAX 200

struct fuzz_step {
    uint8_t what;
    const uint8_t *data;
    size_t len;
};

/* Takes the next step off the input; 0 when there is none left. A length above what is there is
 * cut, so that mutations of it stay useful. */
static inline int fuzz_next(const uint8_t **data, size_t *size, struct fuzz_step *step)
{
    if (*size < 3)
        return 0;
    step->what = (*data)[0];
    step->len = (size_t)(*data)[1] << 8 | (*data)[2];
    *data += 3;
    *size -= 3;
    if (step->len > *size)
        step->len = *size;
    step->data = *data;
    *data += step->len;
    *size -= step->len;
    return 1;
}

#endif
