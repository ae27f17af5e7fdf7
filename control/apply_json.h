/* apply_json: what was applied to the data plane, as culvert.state keeps it: enough to take it away again. */
#ifndef CONTROL_APPLY_JSON_H
#define CONTROL_APPLY_JSON_H

#include "control/apply.h"

#include <jansson.h>

json_t *apply_json(const struct apply_set *s);
/* CV_EPARSE when it is not what apply_json made. */
CV_MUST_USE cv_result apply_from_json(const json_t *j, struct apply_set *out);

#endif
