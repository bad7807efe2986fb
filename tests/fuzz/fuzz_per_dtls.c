/* H.235.10's capability. */
#include "signalling/schema/h245.h"

#define FUZZ_TYPE &h245_DTLSSecurityCapability_type
#include "tests/fuzz/per_fuzz.h"
