// Rounding shift and saturation (docs/numerics.md, section 1), as functions: a macro declares one of the widths a module needs.
// Result: {clamped, value}. For s > 0 the shift rounds half up; for s <= 0 it is a left shift that saturates: one shift to the right of a
// number with 33 bits more, so values have at most 32.
`ifndef HW_ROUND_VH
`define HW_ROUND_VH

`define HW_WIDER(W, OB) (((W) > (OB)) ? (W) : (OB))

`define HW_ROUND(NAME, W, SB, OB) \
  function [(OB):0] NAME; \
    input signed [(W)-1:0] x; \
    input signed [(SB)-1:0] s; \
    reg signed [(SB)+6:0] by; \
    reg signed [(W)+32:0] t; \
    reg signed [(W)+32:0] y; \
    reg signed [(W)+32:0] top; \
    reg clamped; \
    begin \
      top = 0; \
      top[(OB)-2:0] = {((OB)-1){1'b1}}; \
      by = s + 32; \
      if (by < 0) by = 0; \
      t = $signed({x, 33'd0}); \
      t = t >>> by; \
      y = (t >>> 1) + (t[0] ? 1 : 0); \
      clamped = (y > top) || (y < -top); \
      NAME = {clamped, (y > top) ? top[(OB)-1:0] : (y < -top) ? -top[(OB)-1:0] : y[(OB)-1:0]}; \
    end \
  endfunction

// The same where the shift is never to the left.
`define HW_ROUND_DOWN(NAME, W, SB, OB) \
  function [(OB):0] NAME; \
    input signed [(W)-1:0] x; \
    input [(SB)-1:0] s; \
    reg signed [`HW_WIDER(W, OB):0] t; \
    reg signed [`HW_WIDER(W, OB):0] y; \
    reg signed [`HW_WIDER(W, OB):0] top; \
    reg clamped; \
    begin \
      top = 0; \
      top[(OB)-2:0] = {((OB)-1){1'b1}}; \
      t = $signed({x, 1'b0}); \
      t = t >>> s; \
      y = (t >>> 1) + (t[0] ? 1 : 0); \
      clamped = (y > top) || (y < -top); \
      NAME = {clamped, (y > top) ? top[(OB)-1:0] : (y < -top) ? -top[(OB)-1:0] : y[(OB)-1:0]}; \
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

// Number of bits of an unsigned value; 0 for 0. By halves: the highest half that holds something counts.
`define HW_BITLEN(NAME, W, OB) \
  function [(OB)-1:0] NAME; \
    input [(W)-1:0] x; \
    integer i; \
    reg [127:0] left; \
    begin \
      left = x; \
      NAME = 0; \
      for (i = 6; i >= 0; i = i - 1) \
        if ((left >> (1 << i)) != 0) begin \
          left = left >> (1 << i); \
          NAME = NAME + (1 << i); \
        end \
      if (left[0]) NAME = NAME + 1; \
    end \
  endfunction
`endif
