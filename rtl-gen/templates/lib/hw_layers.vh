// Whether layers of this chip share silicon. Where they do, HW_LAYERS is defined here: a unit with ROM of its own then has a port for the layer,
// and the adders that end a station tell the ring when they are done. The blocks it guards are no part of a module's digest in rtl-gen/synth.py:
// a layer is the upper part of a ROM's address, and no logic.
