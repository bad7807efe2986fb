/* The user-user element of any call signalling message. */
#include "signalling/schema/h225.h"

#define FUZZ_TYPE &h225_H323_UserInformation_type
#include "tests/fuzz/per_fuzz.h"
