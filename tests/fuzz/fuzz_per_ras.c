/* Any RAS message. */
#include "signalling/schema/h225.h"

#define FUZZ_TYPE &h225_RasMessage_type
#include "tests/fuzz/per_fuzz.h"
