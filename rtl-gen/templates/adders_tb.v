// Vectors one a cycle, and every product beside the one expected. Run in the folder above: reads tb/x.mem and tb/y.mem.
module tb;
  reg clk = 0;
  reg [{{ inputs }}*{{ input_bits }}-1:0] xs [0:{{ vectors }}-1];
  reg [{{ outputs }}*128-1:0] ys [0:{{ vectors }}-1];
  reg [{{ inputs }}*{{ input_bits }}-1:0] x;
  localparam OB = {{ output_bits }};
  wire [{{ outputs }}*OB-1:0] y;
  integer n, o, wrong = 0;
  {{ name }} dut (.clk(clk), .x(x), .y(y));
  always #1 clk = ~clk;
  initial begin
    $readmemb("tb/x.mem", xs);
    $readmemb("tb/y.mem", ys);
    for (n = 0; n < {{ vectors }} + {{ latency }}; n = n + 1) begin
      // Between the edges.
      @(negedge clk);
      if (n >= {{ latency }}) for (o = 0; o < {{ outputs }}; o = o + 1)
        if ($signed(y[o*OB +: OB]) !== $signed(ys[n-{{ latency }}][o*128 +: 128])) begin
          if (wrong < 10) $display("vector %0d, output %0d: %0d, expected %0d", n - {{ latency }}, o, $signed(y[o*OB +: OB]), $signed(ys[n-{{ latency }}][o*128 +: 128]));
          wrong = wrong + 1;
        end
      if (n < {{ vectors }}) x = xs[n];
    end
    $display("%0s: %0d vectors, %0d wrong", wrong == 0 ? "PASS" : "FAIL", {{ vectors }}, wrong);
    $finish;
  end
endmodule
