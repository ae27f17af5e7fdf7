#include "control/select/sel_certmap.h"

#include "control/select/sel_id.h"

unsigned sel_certmap_specificity(const struct cfg_certmap_ref *refs, unsigned count, const struct sel_id *id)
{
    for (unsigned i = 0; id->cert && i < count; i++)
        if (cfg_certmap_matches(id->cert->cfg, refs[i].name, &id->cert->facts, NULL))
            return SEL_ID_EXACT;
    return 0;
}
