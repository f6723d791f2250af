#include "scmi_profile.h"

#include "scmi_profile.inc"
