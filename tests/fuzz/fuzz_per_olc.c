/* An OpenLogicalChannel as it stands in fastStart. */
#include "signalling/schema/h245.h"

#define FUZZ_TYPE &h245_OpenLogicalChannel_type
#include "tests/fuzz/per_fuzz.h"
