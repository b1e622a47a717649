// Rounding shift and saturation (docs/numerics.md, section 1), as functions: a macro declares one of the widths a module needs.
// Result: {clamped, value}. For s > 0 the shift rounds half up; for s <= 0 it is a left shift that saturates.
`ifndef HW_ROUND_VH
`define HW_ROUND_VH

`define HW_WIDER(W, OB) (((W) > (OB)) ? (W) : (OB))

`define HW_ROUND(NAME, W, SB, OB) \
  function [(OB):0] NAME; \
    input signed [(W)-1:0] x; \
    input signed [(SB)-1:0] s; \
    reg signed [`HW_WIDER(W, OB):0] t; \
    reg signed [`HW_WIDER(W, OB):0] y; \
    reg signed [`HW_WIDER(W, OB):0] top; \
    reg signed [2*(OB)-1:0] wide; \
    reg signed [2*(OB)-1:0] most; \
    reg signed [(OB)-1:0] value; \
    reg signed [(SB):0] left; \
    reg clamped; \
    begin \
      top = 0; \
      top[(OB)-2:0] = {((OB)-1){1'b1}}; \
      most = 0; \
      most[(OB)-2:0] = {((OB)-1){1'b1}}; \
      wide = 0; \
      left = -s; \
      t = $signed({x, 1'b0}); \
      if (s > 0) t = t >>> s; \
      y = (t >>> 1) + ((s > 0 && t[0]) ? 1 : 0); \
      clamped = (y > top) || (y < -top); \
      value = (y > top) ? top[(OB)-1:0] : (y < -top) ? -top[(OB)-1:0] : y[(OB)-1:0]; \
      if (left > 0) begin \
        wide = value; \
        if (left >= (OB)) wide = (value == 0) ? 0 : (value < 0) ? -most - 1 : most + 1; \
        else wide = wide <<< left; \
        clamped = clamped || (wide > most) || (wide < -most); \
        value = (wide > most) ? most[(OB)-1:0] : (wide < -most) ? -most[(OB)-1:0] : wide[(OB)-1:0]; \
      end \
      NAME = {clamped, value}; \
    end \
  endfunction

// The same where the shift is a constant to the right: s >= 1.
`define HW_ROUND_BY(NAME, W, S, OB) \
  function [(OB):0] NAME; \
    input signed [(W)-1:0] x; \
    reg signed [`HW_WIDER(W, OB):0] y; \
    reg signed [`HW_WIDER(W, OB):0] top; \
    reg clamped; \
    begin \
      top = 0; \
      top[(OB)-2:0] = {((OB)-1){1'b1}}; \
      y = (x >>> (S)) + (x[(S)-1] ? 1 : 0); \
      clamped = (y > top) || (y < -top); \
      NAME = {clamped, (y > top) ? top[(OB)-1:0] : (y < -top) ? -top[(OB)-1:0] : y[(OB)-1:0]}; \
    end \
  endfunction

// Number of bits of an unsigned value; 0 for 0.
`define HW_BITLEN(NAME, W, OB) \
  function [(OB)-1:0] NAME; \
    input [(W)-1:0] x; \
    integer i; \
    begin \
      NAME = 0; \
      for (i = 0; i < (W); i = i + 1) if (x[i]) NAME = i + 1; \
    end \
  endfunction
`endif
