// Rounding shift and saturation (docs/numerics.md, section 1), and the digits of a long product, as functions: a macro declares one of the
// widths a module needs. A result is {clamped, value}.
`ifndef HW_ROUND_VH
`define HW_ROUND_VH

`define HW_WIDER(W, OB) (((W) > (OB)) ? (W) : (OB))

// `t` holds a shifted value with one bit of fraction: half up, then saturated. That it does not fit shows beside the sum, not after it: too
// high are values with a bit above the result's, and the greatest when it is rounded up; too low the same below.
`define HW_FITTED(NAME, OB) \
      base = t >>> 1; \
      below = base < 0; \
      high = !below && (((base >>> ((OB) - 1)) != 0) || (&base[(OB)-2:0] && t[0])); \
      low = below && (((base >>> ((OB) - 1)) != -1) || (!(|base[(OB)-2:0]) && !t[0])); \
      y = base[(OB)-1:0] + t[0]; \
      top = {1'b0, {((OB)-1){1'b1}}}; \
      NAME = {high || low, high ? top : low ? -top : y};

`define HW_FITTING(W, OB) \
    reg signed [`HW_WIDER(W, OB):0] base; \
    reg below, high, low; \
    reg [(OB)-1:0] y, top;

// Shifted by `by - 32`: to the right where that is positive, else to the left.
`define HW_ROUND(NAME, W, SB, OB) \
  function [(OB):0] NAME; \
    input signed [(W)-1:0] x; \
    input [(SB)-1:0] by; \
    reg signed [(W)+32:0] t; \
    `HW_FITTING((W) + 32, OB) \
    begin \
      t = $signed({x, 33'd0}) >>> by; \
      `HW_FITTED(NAME, OB) \
    end \
  endfunction

// `by` of HW_ROUND for a shift by `s`, SB bits, to the right: more than 32 to the left saturate anyway.
`define HW_BY(NAME, SB) \
  function [(SB):0] NAME; \
    input signed [(SB)-1:0] s; \
    NAME = (s < -32) ? 0 : s + 32; \
  endfunction

// Where the shift is never to the left: by `s`.
`define HW_ROUND_DOWN(NAME, W, SB, OB) \
  function [(OB):0] NAME; \
    input signed [(W)-1:0] x; \
    input [(SB)-1:0] s; \
    reg signed [(W):0] t; \
    `HW_FITTING(W, OB) \
    begin \
      t = $signed({x, 1'b0}) >>> s; \
      `HW_FITTED(NAME, OB) \
    end \
  endfunction

// A constant shift of a sum that is formed in the stage before the register or in the same one: HW_HALF is its first term, so nothing is
// added after it. To the right where S > 0, else to the left; more than 32 to the left saturate anyway.
`define HW_HALF(S) (((S) > 0) ? 64'sd1 <<< (((S) > 0) ? (S) - 1 : 0) : 64'sd0)
`define HW_CUT(NAME, W, S, OB) \
  function [(OB):0] NAME; \
    input signed [(W)-1:0] x; \
    reg signed [(W)+32:0] t; \
    `HW_FITTING((W) + 32, OB) \
    begin \
      t = x; \
      t = ((S) > 0) ? t >>> (((S) > 0) ? (S) : 0) : t <<< (((S) > 0) ? 0 : ((S) < -32) ? 32 : -(S)); \
      t = t <<< 1; \
      `HW_FITTED(NAME, OB) \
    end \
  endfunction

// Saturated to OB bits.
`define HW_CLAMP(NAME, W, OB) \
  function [(OB):0] NAME; \
    input signed [(W)-1:0] x; \
    reg signed [`HW_WIDER(W, OB):0] t, most; \
    reg high, low; \
    begin \
      t = x; \
      most = {1'b0, {((OB)-1){1'b1}}}; \
      high = t > most; \
      low = t < -most; \
      t = high ? most : low ? -most : t; \
      NAME = {high || low, t[(OB)-1:0]}; \
    end \
  endfunction

// A function of INPUTS, its declarations, that gives a beat of V elements of OB bits, lane 0 lowest, and above them whether one was clamped. LANE
// is the expression of one lane's {clamped, value}, in which `lane` is its number.
`define HW_BEAT(NAME, V, OB, INPUTS, LANE) \
  function [(V)*(OB):0] NAME; \
    INPUTS \
    reg [(OB):0] given; \
    integer lane; \
    begin \
      NAME = 0; \
      for (lane = 0; lane < (V); lane = lane + 1) begin \
        given = LANE; \
        NAME[lane*(OB) +: (OB)] = given[(OB)-1:0]; \
        NAME[(V)*(OB)] = NAME[(V)*(OB)] | given[(OB)]; \
      end \
    end \
  endfunction

// Long products are sums of short ones: digit `j` of a number of B bits, nine bits each, the last one with the sign.
`define HW_DIGITS(B) (((B) > 1) ? ((B) + 7) / 9 : 1)
`define HW_DIGIT(NAME, B) \
  function signed [9:0] NAME; \
    input signed [(B)-1:0] x; \
    input integer j; \
    begin \
      NAME = x >>> (9 * j); \
      if (j < `HW_DIGITS(B) - 1) NAME[9] = 0; \
    end \
  endfunction

// The products of an XB-bit number with every digit of one of YB bits, XB + 10 bits each, digit 0 lowest; and, a stage later, their sum. A
// stage has room for a rounding constant beside it: START.
`define HW_PARTS(XB, YB) (`HW_DIGITS(YB) * ((XB) + 10))
`define HW_PRODUCTS(NAME, XB, YB) \
  function [`HW_PARTS(XB, YB)-1:0] NAME; \
    input signed [(XB)-1:0] x; \
    input signed [(YB)-1:0] y; \
    reg signed [9:0] digit; \
    integer j; \
    for (j = 0; j < `HW_DIGITS(YB); j = j + 1) begin \
      digit = y >>> (9 * j); \
      if (j < `HW_DIGITS(YB) - 1) digit[9] = 0; \
      NAME[j*((XB)+10) +: (XB)+10] = x * digit; \
    end \
  endfunction
`define HW_PRODUCT_SUM(NAME, XB, YB, OB, START) \
  function signed [(OB)-1:0] NAME; \
    input [`HW_PARTS(XB, YB)-1:0] products; \
    integer j; \
    begin \
      NAME = START; \
      for (j = 0; j < `HW_DIGITS(YB); j = j + 1) NAME = NAME + ($signed(products[j*((XB)+10) +: (XB)+10]) <<< (9*j)); \
    end \
  endfunction

// Number of bits of an unsigned value; 0 for 0. The place of the highest one of {x, 1}: of every pair of blocks the upper, if it holds one.
`define HW_BITLEN(NAME, W, OB) \
  function [(OB)-1:0] NAME; \
    input [(W)-1:0] x; \
    integer k, i; \
    reg [127:0] any; \
    reg [128*7-1:0] at; \
    begin \
      any = {x, 1'b1}; \
      at = 0; \
      for (k = 0; k < $clog2((W) + 1); k = k + 1) \
        for (i = 0; i < (128 >> (k + 1)); i = i + 1) begin \
          at[i*7 +: 7] = any[2*i+1] ? (at[(2*i+1)*7 +: 7] | (1 << k)) : at[2*i*7 +: 7]; \
          any[i] = any[2*i+1] | any[2*i]; \
        end \
      NAME = at[6:0]; \
    end \
  endfunction
`endif
