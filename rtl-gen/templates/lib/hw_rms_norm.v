// RmsNorm (numerics, section 4). First beat out BEATS + 13 + TREE + GROUPS - 1 cycles after the first beat in.
`include "hw_round.vh"
module hw_rms_norm #(
  parameter V = 8,
  parameter LEN = 64,
  parameter GROUPS = 1,
  parameter IB = 32,
  parameter OB = 16,
  parameter QB = 80,             // bits of the sum of squares
  parameter [63:0] EPSILON = 1,
  parameter SHIFT = 19,          // of the product with the gain
  parameter TREE = 1,            // adder stages of a beat's squares: eight to one each
  parameter GAIN_WORDS = 8,      // beats after which the gains repeat
  parameter VALUE_BITS = 19,     // of the table's words: value, then slope
  parameter SLOPE_BITS = 12,
  parameter GAIN = "",
  parameter RSQRT = ""
) (
  input clk,
  input rst,
  input in_valid,
  input [V*IB-1:0] in_data,
  output reg out_valid,
  output reg [V*OB-1:0] out_data,
  output reg ovf
);
  localparam BEATS = (LEN + V - 1) / V;
  localparam M = LEN / GROUPS;
  localparam BW = $clog2(BEATS + 1);
  localparam GW = $clog2(GROUPS + 1);
  localparam AW = (GAIN_WORDS > 1) ? $clog2(GAIN_WORDS) : 1;
  localparam TB = VALUE_BITS + SLOPE_BITS;
  localparam SQ = 2 * IB - 1;
  localparam HB = IB / 2;                    // bits of the low half of a number to square
  localparam SEG = (GROUPS == 1 || M >= V) ? V : M; // lanes of one group in a beat
  localparam PARTS = V / SEG;
  localparam XB = IB + VALUE_BITS;
  localparam LB = $clog2(QB + 2);
  `HW_BITLEN(bitlen, QB, LB)
  `HW_ROUND(round_u, XB, LB + 1, 32)
  `HW_ROUND_BY(round_y, 52, SHIFT, OB)

  // Input: store, square, sum.
  reg [BW-1:0] count;
  reg [TREE+3:1] v, last;        // v[1]: the beat stands; v[2]: partial squares; v[3]: squares; v[TREE + 3]: their sums
  reg signed [IB-1:0] x1;
  reg [IB-1:0] mag1 [0:V-1];
  reg [SQ-1:0] high [0:V-1], mixed [0:V-1], low [0:V-1];
  reg [QB-1:0] tree [0:(TREE+1)*V-1];
  reg [(TREE+3)*BW-1:0] beat_of; // of every stage
  reg [BW-1:0] beat3;
  reg [QB-1:0] q [0:GROUPS-1];
  // Reciprocal root: one group a cycle.
  reg run;
  reg [GW-1:0] g0, g1, g2, g3, g4;
  reg n1, n2, n3, n4;
  reg [QB-1:0] q1;
  reg [LB-1:0] s1, s2, s3, s4, len;
  reg [23:0] mantissa;
  wire [7:0] index = mantissa[23:16] - 8'd64;
  wire [TB-1:0] word;
  reg [15:0] f3;
  reg signed [VALUE_BITS+16-1:0] product4;
  reg signed [VALUE_BITS-1:0] value4;
  reg signed [VALUE_BITS-1:0] y [0:GROUPS-1];
  reg signed [LB:0] sh [0:GROUPS-1];
  // Play.
  reg [BW-1:0] rd, at1;
  reg playing, p0, p1, p2, p3, p4;
  reg [AW-1:0] gain_at;
  wire [V*IB-1:0] x;
  wire [V*20-1:0] gain;
  // Both products start from registers: a memory's word waits a stage.
  reg signed [IB-1:0] x_q [0:V-1];
  reg signed [VALUE_BITS-1:0] y_q [0:V-1];
  reg signed [LB:0] sh_q [0:V-1];
  reg [V*20-1:0] gain_q;
  reg signed [XB-1:0] xy [0:V-1];
  reg signed [LB:0] sh1 [0:V-1];
  reg signed [31:0] u [0:V-1];
  reg signed [51:0] ug [0:V-1];
  reg [32:0] ru;
  reg [OB:0] ry;
  reg [V*OB-1:0] out;
  reg clamped;
  integer l, g, n, i, j, to, from;
  wire start_play = n4 && (g4 == GROUPS - 1);

  hw_sram #(.WIDTH(V*IB), .DEPTH(BEATS), .AW(BW)) store (
    .clk(clk), .we(in_valid), .waddr(count), .wdata(in_data), .re(start_play || playing), .raddr(rd), .rdata(x));
  hw_rom #(.WIDTH(V*20), .DEPTH(GAIN_WORDS), .AW(AW), .FILE(GAIN)) gains (.clk(clk), .en(p1), .addr(gain_at), .data(gain));
  hw_rom #(.WIDTH(TB), .DEPTH(192), .AW(8), .FILE(RSQRT)) rsqrt (.clk(clk), .en(n2), .addr(index), .data(word));

  always @(posedge clk) begin
    v <= {v[TREE+2:1], in_valid};
    last <= {last[TREE+2:1], in_valid && count == BEATS - 1};
    beat_of <= {beat_of[(TREE+2)*BW-1:0], count};
    if (in_valid) count <= (count == BEATS - 1) ? 0 : count + 1;
    // Round and give out.
    out_valid <= p4;
    ovf <= 0;
    if (p4) begin
      clamped = 0;
      for (l = 0; l < V; l = l + 1) begin
        ry = round_y(ug[l]);
        clamped = clamped | ry[OB];
        out[l*OB +: OB] = ry[OB-1:0];
      end
      out_data <= out;
      ovf <= clamped;
    end
    if (p3) for (l = 0; l < V; l = l + 1) ug[l] = u[l] * $signed(gain_q[l*20 +: 20]);
    if (p2) gain_q <= gain;
    if (p2) for (l = 0; l < V; l = l + 1) begin
      ru = round_u(xy[l], sh1[l]);
      u[l] = ru[31:0];
    end
    if (p1) for (l = 0; l < V; l = l + 1) begin
      xy[l] = x_q[l] * y_q[l];
      sh1[l] = sh_q[l];
    end
    if (p0) for (l = 0; l < V; l = l + 1) begin
      g = (GROUPS == 1) ? 0 : (at1 * V + l) / M;
      if (g >= GROUPS) g = GROUPS - 1;
      x_q[l] = x[l*IB +: IB];
      y_q[l] = y[g];
      sh_q[l] = sh[g];
    end
    p0 <= start_play || playing;
    p1 <= p0;
    p2 <= p1;
    p3 <= p2;
    p4 <= p3;
    at1 <= rd;
    if (start_play || playing) begin
      rd <= (rd == BEATS - 1) ? 0 : rd + 1;
      playing <= rd != BEATS - 1;
    end
    if (p1) gain_at <= (gain_at == GAIN_WORDS - 1) ? 0 : gain_at + 1;
    if (start_play) gain_at <= 0;
    // 1 / sqrt(Q) of group g4, then backwards to the length of group g0.
    if (n4) begin
      y[g4] = value4 + (product4 >>> 16) + (product4[15] ? 1 : 0);
      sh[g4] = $signed({1'b0, s4 >> 1}) - 14;
    end
    if (n3) begin
      product4 <= $signed(word[VALUE_BITS +: SLOPE_BITS]) * $signed({1'b0, f3});
      value4 <= word[0 +: VALUE_BITS];
      s4 <= s3;
      g4 <= g3;
    end
    if (n2) begin
      f3 <= mantissa[15:0];
      s3 <= s2;
      g3 <= g2;
    end
    if (n1) begin
      mantissa <= (s1 > 24) ? q1 >> (s1 - 24) : q1 << (24 - s1);
      s2 <= s1;
      g2 <= g1;
    end
    if (run) begin
      len = bitlen(q[g0]);
      s1 <= len + len[0];
      q1 <= q[g0];
      g1 <= g0;
      g0 <= g0 + 1;
      if (g0 == GROUPS - 1) run <= 0;
    end
    n1 <= run;
    n2 <= n1;
    n3 <= n2;
    n4 <= n3;
    // Sum of squares, last stage first. A square is that of the high half, twice their product, and that of the low half.
    if (v[TREE+3]) begin
      beat3 = beat_of[(TREE+2)*BW +: BW];
      for (i = 0; i < PARTS; i = i + 1) begin
        g = (GROUPS == 1) ? 0 : (beat3 * V + i * SEG) / M;
        if (g < GROUPS) q[g] = q[g] + tree[TREE*V+i*SEG];
      end
    end
    if (last[TREE+3]) begin
      run <= 1;
      g0 <= 0;
    end
    if (in_valid && count == 0) for (g = 0; g < GROUPS; g = g + 1) q[g] = EPSILON;
    for (n = TREE; n >= 1; n = n - 1)
      if (v[n+2])
        for (l = 0; l < PARTS; l = l + 1)
          for (i = 0; i < ((SEG + (1 << (3*n)) - 1) >> (3*n)); i = i + 1) begin
            to = n*V + l*SEG + i;
            from = (n-1)*V + l*SEG + 8*i;
            tree[to] = 0;
            for (j = 0; j < 8; j = j + 1)
              if (8*i + j < ((SEG + (1 << (3*n-3)) - 1) >> (3*n-3))) tree[to] = tree[to] + tree[from+j];
          end
    if (v[2]) for (l = 0; l < V; l = l + 1) tree[l] = (high[l] << (2*HB)) + (mixed[l] << (HB+1)) + low[l];
    if (v[1]) for (l = 0; l < V; l = l + 1) begin
      high[l] = mag1[l][IB-1:HB] * mag1[l][IB-1:HB];
      mixed[l] = mag1[l][IB-1:HB] * mag1[l][HB-1:0];
      low[l] = mag1[l][HB-1:0] * mag1[l][HB-1:0];
    end
    if (in_valid) for (l = 0; l < V; l = l + 1) begin
      x1 = in_data[l*IB +: IB];
      mag1[l] = x1[IB-1] ? -x1 : x1;
    end
    if (rst) begin
      count <= 0; v <= 0; last <= 0;
      run <= 0; n1 <= 0; n2 <= 0; n3 <= 0; n4 <= 0;
      rd <= 0; playing <= 0; p0 <= 0; p1 <= 0; p2 <= 0; p3 <= 0; p4 <= 0;
      out_valid <= 0; ovf <= 0;
    end
  end
endmodule
