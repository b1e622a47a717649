// A vector less its mean (numerics, section 4, LayerNorm). First beat out BEATS + 4 + TREE cycles after the first beat in.
`include "hw_round.vh"
module hw_centre #(
  parameter V = 8,               // lanes: elements a beat
  parameter LEN = 64,            // elements of a vector
  parameter IB = 32,             // bits of an input element
  parameter [19:0] MANTISSA = 1, // 1 / LEN = MANTISSA * 2^-SHIFT
  parameter SHIFT = 19,          // see MANTISSA
  parameter TREE = 1             // adder stages of a beat's lanes, eight to one each: ceil(log8 V), at least 1
) (
  input clk,                     // clock: registers change at its rising edge
  input rst,                     // reset: synchronous, active high
  input in_valid,                // a beat is on in_data
  input [V*IB-1:0] in_data,      // V elements of IB bits, signed, lane 0 lowest
  output reg out_valid,          // a beat is on out_data
  output reg [V*32-1:0] out_data, // V elements of 32 bits, signed, lane 0 lowest
  output reg ovf                 // with out_valid: an element was too large for 32 bits and was clamped
);
  localparam BEATS = (LEN + V - 1) / V;
  localparam BW = $clog2(BEATS + 1);
  localparam SB = IB + $clog2(LEN + V) + 1;
  localparam D = `HW_DIGITS(21);
  `HW_CUT(round, SB + 21, SHIFT, IB + 2)
  `HW_DIGIT(digit, 21)
  reg [BW-1:0] count, rd, at1;
  reg [TREE:1] v_q, last_q;
  wire [TREE:0] v = {v_q, in_valid};
  wire [TREE:0] last = {last_q, in_valid && count == BEATS - 1};
  reg summed, multiplied, play, p0;
  reg signed [SB-1:0] part [0:(TREE+1)*V-1]; // stage 0: the input
  reg signed [SB-1:0] sum, wide;
  reg fresh;
  reg signed [SB+9:0] pd [0:D-1]; // products with each digit
  reg signed [SB+20:0] product;
  reg signed [IB+1:0] mean;
  reg [IB+2:0] r;
  wire [V*IB-1:0] x;
  reg signed [IB+2:0] d, most;
  reg [V*32-1:0] y;
  reg clamped;
  integer l, n, i, j;
  hw_sram #(.WIDTH(V*IB), .DEPTH(BEATS), .AW(BW)) store (
    .clk(clk), .we(in_valid), .waddr(count), .wdata(in_data), .re(play), .raddr(rd), .rdata(x));

  always @(posedge clk) begin
    out_valid <= p0;
    ovf <= 0;
    if (p0) begin
      clamped = 0;
      most = 32'h7fffffff;
      for (l = 0; l < V; l = l + 1) begin
        d = (at1 * V + l < LEN) ? $signed(x[l*IB +: IB]) - mean : 0;
        clamped = clamped | (d > most) | (d < -most);
        d = (d > most) ? most : (d < -most) ? -most : d;
        y[l*32 +: 32] = d[31:0];
      end
      out_data <= y;
      ovf <= clamped;
    end
    p0 <= play;
    at1 <= rd;
    if (play) begin
      rd <= (rd == BEATS - 1) ? 0 : rd + 1;
      play <= rd != BEATS - 1;
    end
    if (multiplied) begin
      product = `HW_HALF(SHIFT);
      for (j = 0; j < D; j = j + 1) product = product + (pd[j] <<< (9*j));
      r = round(product);
      mean <= r[IB+1:0];
      play <= 1;
    end
    multiplied <= summed;
    if (summed) for (j = 0; j < D; j = j + 1) pd[j] = sum * digit($signed({1'b0, MANTISSA}), j);
    summed <= last[TREE];
    if (v[TREE]) begin
      sum = (fresh ? 0 : sum) + part[TREE*V];
      fresh <= last[TREE];
    end
    for (n = TREE; n >= 1; n = n - 1)
      if (v[n-1]) begin
        if (n == 1) for (l = 0; l < V; l = l + 1) part[l] = $signed(in_data[l*IB +: IB]);
        for (i = 0; i < ((V + (1 << (3*n)) - 1) >> (3*n)); i = i + 1) begin
          wide = 0;
          for (j = 0; j < 8; j = j + 1)
            if (8*i + j < ((V + (1 << (3*n-3)) - 1) >> (3*n-3))) wide = wide + part[(n-1)*V+8*i+j];
          part[n*V+i] = wide;
        end
      end
    if (in_valid) count <= (count == BEATS - 1) ? 0 : count + 1;
    v_q <= v[TREE-1:0];
    last_q <= last[TREE-1:0];
    if (rst) begin
      count <= 0; rd <= 0; v_q <= 0; last_q <= 0; summed <= 0; multiplied <= 0; play <= 0; p0 <= 0; fresh <= 1;
      out_valid <= 0; ovf <= 0;
    end
  end
endmodule
